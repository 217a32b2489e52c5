//! A connection whose runs fail is paused: scheduled runs wait, each time longer, until one succeeds or somebody acts.

use chrono::{DateTime, TimeDelta, Utc};
use gangway_app::{
    Error, audit,
    connections::{self, ConnectionPatch},
    queue::Outcome,
    syncs::{self, NewSync},
};
use gangway_domain::{
    Code,
    connection::{Connection, ConnectionState, Pause},
    id::SyncId,
    principal::Scope,
    record::Stream,
    sync::RunMode,
};
use gangway_testkit::on_both_databases;
use secrecy::SecretString;
use serde_json::json;

use super::{
    support::{Bench, everything},
    vendor::OTHER_ORIGIN,
};

on_both_databases! {
    async fn tries_come_after_growing_pauses_and_the_trouble_is_told_once(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = scheduled(&bench, Stream::Employees).await;
        bench.advance(TimeDelta::minutes(20));
        for (n, minutes) in (1_i32..).zip([5_i64, 10, 20, 40, 80, 160, 320, 640, 1280, 1440, 1440]) {
            start_and_fail(&bench, sync, Code::VendorUnavailable).await;
            let connection = connection(&bench).await;
            assert_eq!((connection.failures, connection.pause()), (n, Pause::Timed));
            let until = connection.paused_until.unwrap();
            let pause = until - bench.now();
            let whole = TimeDelta::minutes(minutes);
            assert!(pause <= whole && pause >= whole * 9 / 10, "{pause} after {n} failures");
            assert_eq!(next_run(&bench, sync).await, Some(until));
            bench.advance(pause - TimeDelta::seconds(1));
            assert_eq!(syncs::start_due(&bench.app).await.unwrap(), 0);
            bench.advance(TimeDelta::seconds(1));
        }
        let degraded: Vec<_> =
            bench.events().await.into_iter().filter(|event| event.fact.kind == "connection.degraded").collect();
        assert_eq!(degraded.len(), 1);
        assert_eq!(degraded[0].fact.data["pause"], "timed");
        assert!(degraded[0].fact.data["paused_until"].is_string());
    }

    async fn a_completed_run_ends_the_pause(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = scheduled(&bench, Stream::Employees).await;
        bench.advance(TimeDelta::minutes(20));
        start_and_fail(&bench, sync, Code::PermissionMissing).await;
        start_and_fail_at(&bench, sync, connection(&bench).await.paused_until).await;
        assert_eq!(connection(&bench).await.failures, 2);
        // By hand, in the middle of the pause.
        bench.run(sync, RunMode::Full).await;
        let connection = connection(&bench).await;
        assert_eq!((connection.state, connection.failures, connection.paused_until), (ConnectionState::Active, 0, None));
        let next = next_run(&bench, sync).await.unwrap() - bench.now();
        assert!(next > TimeDelta::zero() && next <= TimeDelta::minutes(17), "{next}");
    }

    async fn resumed_by_hand_it_recovers_also_when_the_clock_is_set_back(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = scheduled(&bench, Stream::Employees).await;
        bench.advance(TimeDelta::hours(20));
        start_and_fail(&bench, sync, Code::VendorUnavailable).await;
        connections::resume(&bench.ctx, bench.connection).await.unwrap();
        assert_eq!((connection(&bench).await.state, connection(&bench).await.pause()), (ConnectionState::Degraded, Pause::None));
        // The next run is older than the failed one by its id.
        bench.advance(TimeDelta::hours(-2));
        bench.run(sync, RunMode::Full).await;
        let connection = connection(&bench).await;
        assert_eq!((connection.state, connection.state_reason), (ConnectionState::Active, None));
    }

    async fn a_refused_credential_waits_for_another_one(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = scheduled(&bench, Stream::Employees).await;
        bench.advance(TimeDelta::minutes(20));
        start_and_fail(&bench, sync, Code::CredentialRefused).await;
        let refused = connection(&bench).await;
        assert_eq!((refused.state, refused.pause(), refused.paused_until), (ConnectionState::Failed, Pause::Open, None));
        bench.advance(TimeDelta::days(30));
        assert_eq!(syncs::start_due(&bench.app).await.unwrap(), 0);

        let secret = SecretString::from(r#"{"secret": "another"}"#);
        let answered = connections::put_credential(&bench.ctx, bench.connection, None, secret).await.unwrap();
        assert_eq!((answered.pause(), answered.failures), (Pause::None, 0));
        assert_eq!(answered, connection(&bench).await);
        assert_eq!(syncs::start_due(&bench.app).await.unwrap(), 1);
    }

    async fn another_config_ends_the_pause_and_another_name_does_not(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = scheduled(&bench, Stream::Employees).await;
        bench.advance(TimeDelta::minutes(20));
        start_and_fail(&bench, sync, Code::RequestInvalid).await;
        let patch = ConnectionPatch { name: Some("Other".into()), config: None };
        connections::update(&bench.ctx, bench.connection, None, patch).await.unwrap();
        assert_eq!((connection(&bench).await.failures, syncs::start_due(&bench.app).await.unwrap()), (1, 0));
        let patch = ConnectionPatch { name: None, config: Some(json!({"base_url": OTHER_ORIGIN})) };
        let answered = connections::update(&bench.ctx, bench.connection, None, patch).await.unwrap();
        assert_eq!((answered.failures, answered.paused_until), (0, None));
        assert_eq!(syncs::start_due(&bench.app).await.unwrap(), 1);
    }

    async fn resume_starts_what_waited_and_is_audited_once(db: TestDb) {
        let bench = Bench::on(db).await;
        let employees = scheduled(&bench, Stream::Employees).await;
        let absences = scheduled(&bench, Stream::Absences).await;
        bench.advance(TimeDelta::minutes(20));
        assert_eq!(syncs::start_due(&bench.app).await.unwrap(), 2);
        for sync in [employees, absences] {
            fail_next(&bench, sync, Code::VendorUnavailable).await;
        }
        // Both failed in the same trouble.
        assert_eq!(connection(&bench).await.failures, 1);
        assert_eq!(syncs::start_due(&bench.app).await.unwrap(), 0);

        let reader = bench.with_permissions(&[Scope::ConnectionsRead]);
        assert_eq!(connections::resume(&reader, bench.connection).await.unwrap_err().code, Code::KeyForbidden);
        let first = connections::resume(&bench.ctx, bench.connection).await.unwrap();
        let again = connections::resume(&bench.ctx, bench.connection).await.unwrap();
        assert_eq!((first.pause(), &first), (Pause::None, &again));
        let log = audit::list(&bench.ctx, &audit::AuditFilter::default(), everything()).await.unwrap().items;
        assert_eq!(log.iter().filter(|one| one.entry.action == "connection.resume").count(), 1);
        assert_eq!(syncs::start_due(&bench.app).await.unwrap(), 2);
    }

    async fn a_stream_that_works_does_not_wait_for_another(db: TestDb) {
        let bench = Bench::on(db).await;
        let employees = scheduled(&bench, Stream::Employees).await;
        bench.run(employees, RunMode::Full).await;
        let absences = bench.sync(Stream::Absences).await;
        for failures in [1, 1, 2] {
            let (run, fence) = bench.begin(absences, RunMode::Full).await;
            let error = Error::new(Code::PermissionMissing, "Tick it.");
            syncs::fail(&bench.ctx, run, &fence, &error).await.unwrap();
            bench.ack(fence, Outcome::Fail { error: "no".into() }).await;
            assert_eq!(connection(&bench).await.failures, failures);
            if failures == 1 {
                bench.advance(TimeDelta::minutes(3));
            }
        }
        bench.advance(TimeDelta::minutes(9));
        // The pause of ten minutes is not over, and employees are read all the same.
        assert!(connection(&bench).await.is_paused_at(bench.now()));
        assert_eq!(syncs::start_due(&bench.app).await.unwrap(), 1);
        let (run, fence) = (syncs::get(&bench.ctx, employees).await.unwrap().last_run.unwrap(), bench.claim().await.unwrap());
        bench.execute(run, &fence).await.unwrap();
        bench.ack(fence, Outcome::Done).await;
        // Their success is no news about the absences.
        assert_eq!((connection(&bench).await.failures, state(&bench).await), (2, ConnectionState::Degraded));
    }

    async fn every_stream_waits_for_a_credential(db: TestDb) {
        let bench = Bench::on(db).await;
        let employees = scheduled(&bench, Stream::Employees).await;
        bench.run(employees, RunMode::Full).await;
        let absences = bench.sync(Stream::Absences).await;
        let (run, fence) = bench.begin(absences, RunMode::Full).await;
        let error = Error::new(Code::CredentialRefused, "Refused.");
        syncs::fail(&bench.ctx, run, &fence, &error).await.unwrap();
        bench.ack(fence, Outcome::Fail { error: "no".into() }).await;
        bench.advance(TimeDelta::hours(2));
        assert_eq!(syncs::start_due(&bench.app).await.unwrap(), 0);
        assert_eq!(next_run(&bench, employees).await, None);
        // A run by hand shows that the credential works again, and lets the others go.
        bench.run(absences, RunMode::Full).await;
        assert_eq!((connection(&bench).await.pause(), state(&bench).await), (Pause::None, ConnectionState::Active));
        assert_eq!(syncs::start_due(&bench.app).await.unwrap(), 1);
    }

    async fn a_check_that_the_vendor_answers_well_ends_the_wait_for_a_credential(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = scheduled(&bench, Stream::Employees).await;
        bench.advance(TimeDelta::minutes(20));
        start_and_fail(&bench, sync, Code::CredentialRefused).await;
        let checked = connections::check(&bench.ctx, bench.connection).await.unwrap().connection;
        assert_eq!((checked.state, checked.pause()), (ConnectionState::Active, Pause::None));
        assert_eq!(syncs::start_due(&bench.app).await.unwrap(), 1);
    }

    async fn our_own_fault_pauses_nothing(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = scheduled(&bench, Stream::Employees).await;
        bench.advance(TimeDelta::minutes(20));
        for code in [Code::Internal, Code::Unavailable] {
            start_and_fail(&bench, sync, code).await;
            assert_eq!(connection(&bench).await.pause(), Pause::None);
            bench.advance(TimeDelta::minutes(20));
        }
    }

    async fn a_new_schedule_does_not_get_round_the_pause(db: TestDb) {
        let bench = Bench::on(db).await;
        let sync = scheduled(&bench, Stream::Employees).await;
        bench.advance(TimeDelta::minutes(20));
        start_and_fail(&bench, sync, Code::CredentialRefused).await;
        syncs::update(&bench.ctx, sync, None, Some("every 1m".into())).await.unwrap();
        bench.advance(TimeDelta::minutes(5));
        assert_eq!(syncs::start_due(&bench.app).await.unwrap(), 0);
        assert_eq!(next_run(&bench, sync).await, None);
    }
}

async fn scheduled(bench: &Bench, stream: Stream) -> SyncId {
    let new = NewSync { connection: bench.connection, stream, schedule: Some("every 15m".to_owned()) };
    syncs::create(&bench.ctx, new).await.unwrap().id
}

/// Lets the clock start the one run that is due, and fails it.
async fn start_and_fail(bench: &Bench, sync: SyncId, code: Code) {
    assert_eq!(syncs::start_due(&bench.app).await.unwrap(), 1);
    fail_next(bench, sync, code).await;
}

async fn start_and_fail_at(bench: &Bench, sync: SyncId, at: Option<DateTime<Utc>>) {
    bench.advance(at.unwrap() - bench.now());
    start_and_fail(bench, sync, Code::PermissionMissing).await;
}

/// Fails the sync's run that is under way, under a job that is due.
async fn fail_next(bench: &Bench, sync: SyncId, code: Code) {
    let fence = bench.claim().await.unwrap();
    let run = syncs::get(&bench.ctx, sync).await.unwrap().last_run.unwrap();
    syncs::fail(&bench.ctx, run, &fence, &Error::new(code, "It does not work.")).await.unwrap();
    bench.ack(fence, Outcome::Fail { error: "no".into() }).await;
}

async fn connection(bench: &Bench) -> Connection {
    connections::get(&bench.ctx, bench.connection).await.unwrap()
}

async fn state(bench: &Bench) -> ConnectionState {
    connection(bench).await.state
}

async fn next_run(bench: &Bench, sync: SyncId) -> Option<DateTime<Utc>> {
    syncs::get(&bench.ctx, sync).await.unwrap().next_run_at
}
