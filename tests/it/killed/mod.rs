//! SIGKILL at every commit of a sync run, one after the other: before it, and after it while nobody has heard of it yet. Whatever
//! the moment, another process ends the run, and the tenant has what one has whom nothing happened to.
#![cfg(test)]

mod platform;
mod stage;
mod state;

use chrono::TimeDelta;
use gangway_domain::sync::RunMode;
use gangway_testkit::on_both_databases;
use serde_json::json;

use self::stage::{End, Stage, Tenant};

/// Three pages.
const N_PEOPLE: usize = 25;

on_both_databases! {
    async fn a_first_load_killed_at_any_commit_ends_like_one_that_nobody_disturbed(db: TestDb) {
        let stage = Stage::on(db, N_PEOPLE).await;
        let undisturbed = stage.tenant("undisturbed").await;
        stage.run(&undisturbed, RunMode::Full).await;
        let (expected, rows) = (state::read(&undisturbed).await, state::rows(&stage, &undisturbed).await);
        assert_eq!(expected["records"].as_array().unwrap().len(), N_PEOPLE);
        assert_eq!(expected["events"].as_array().unwrap().len(), 1, "a first load is told once");

        let mut moment = 1;
        loop {
            let tenant = stage.tenant(&format!("killed at {moment}")).await;
            let end = stage.run_killed(&tenant, RunMode::Full, moment, TimeDelta::zero()).await;
            assert_same(&state::read(&tenant).await, &expected, moment);
            assert_eq!(state::rows(&stage, &tenant).await, rows, "killed at {moment}");
            if end == End::Done {
                break;
            }
            moment += 1;
        }
        assert!(moment > 20, "three pages, their run and its job are committed one by one: {moment}");
    }

    async fn two_processes_at_one_queue_read_each_page_once(db: TestDb) {
        let stage = Stage::on(db, N_PEOPLE).await;
        let mut tenants = Vec::new();
        for n in 0..6 {
            let tenant = stage.tenant(&format!("{n}")).await;
            stage.order(&tenant, RunMode::Full).await;
            tenants.push(tenant);
        }
        let ends = tokio::join!(stage.process(None), stage.process(None));
        assert_eq!(ends, (End::Done, End::Done));
        let expected = state::read(&tenants[0]).await;
        assert_eq!(expected["runs"][0][1], json!("completed"));
        assert_eq!(expected["records"].as_array().unwrap().len(), N_PEOPLE);
        let rows = state::rows(&stage, &tenants[0]).await;
        for tenant in &tenants {
            assert_same(&state::read(tenant).await, &expected, 0);
            assert_eq!(state::rows(&stage, tenant).await, rows);
        }
    }

    async fn changes_killed_at_any_commit_are_told_once(db: TestDb) {
        let twins = Twins::on(db).await;
        twins.kill_at_every_commit(RunMode::Incremental, Login::Lasts).await;
    }

    async fn a_login_killed_at_any_commit_is_made_again(db: TestDb) {
        let twins = Twins::on(db).await;
        twins.kill_at_every_commit(RunMode::Incremental, Login::IsOver).await;
    }

    async fn a_sweep_killed_at_any_commit_finds_who_left_once(db: TestDb) {
        let twins = Twins::on(db).await;
        twins.kill_at_every_commit(RunMode::Full, Login::Lasts).await;
    }
}

/// Whether runs begin with a token that the vendor still takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Login {
    Lasts,
    IsOver,
}

/// Two tenants of one account: the runs of one are killed, those of the other are not.
struct Twins {
    stage: Stage,
    killed: Tenant,
    undisturbed: Tenant,
}

impl Twins {
    async fn on(db: gangway_testkit::TestDb) -> Self {
        let stage = Stage::on(db, N_PEOPLE).await;
        let (killed, undisturbed) = (stage.tenant("killed").await, stage.tenant("undisturbed").await);
        stage.run(&killed, RunMode::Full).await;
        stage.run(&undisturbed, RunMode::Full).await;
        Self { stage, killed, undisturbed }
    }

    async fn kill_at_every_commit(&self, mode: RunMode, login: Login) {
        let Self { stage, killed, undisturbed } = self;
        let mut moment = 1;
        loop {
            stage.pass(TimeDelta::minutes(2));
            self.live(moment);
            // Nobody logs in twice within half a minute.
            let later = if login == Login::IsOver { TimeDelta::seconds(31) } else { TimeDelta::zero() };
            if login == Login::IsOver {
                stage.vendor().expire_tokens();
            }
            let end = stage.run_killed(killed, mode, moment, later).await;
            stage.run(undisturbed, mode).await;
            let (mut now, mut expected) = (state::read(killed).await, state::read(undisturbed).await);
            if login == Login::IsOver {
                state::forget_when(&mut now);
                state::forget_when(&mut expected);
            }
            assert_same(&now, &expected, moment);
            let run = &expected["runs"][0];
            assert_eq!(run[1], json!("completed"), "{run}");
            if end == End::Done {
                break;
            }
            moment += 1;
        }
        assert!(moment > 14, "{moment}");
        assert_eq!(state::rows(stage, killed).await, state::rows(stage, undisturbed).await);
    }

    /// One person is promoted, one is hired, and one leaves who was hired the round before.
    fn live(&self, round: u64) {
        let vendor = self.stage.vendor();
        let ids: Vec<u64> = vendor.people().iter().map(|person| person["id"].as_u64().unwrap()).collect();
        vendor.change_person(ids[0], &json!({"position": format!("Level {round}")})).unwrap();
        let hired = json!({"first_name": "New", "last_name": format!("Hire {round}"),
            "email": format!("hire{round}@example.com")});
        vendor.add_person(&hired).unwrap();
        if ids.len() > N_PEOPLE {
            vendor.remove_person(*ids.last().unwrap()).unwrap();
        }
    }
}

/// Told part by part, and row by row where they are as many.
fn assert_same(left: &serde_json::Value, right: &serde_json::Value, moment: u64) {
    for (part, rows) in left.as_object().unwrap() {
        let (rows, others) = (rows.as_array().unwrap(), right[part].as_array().unwrap());
        for (row, other) in rows.iter().zip(others) {
            assert_eq!(row, other, "{part}, killed at {moment}");
        }
        assert_eq!(rows.len(), others.len(), "{part}, killed at {moment}");
    }
}
