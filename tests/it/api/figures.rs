//! The figures that gauges show of the whole database: what they count, and since when the oldest.

use chrono::{DateTime, TimeDelta, Utc};
use gangway_app::{
    audit,
    jobs::{Job as _, QUEUES, RunSync},
};
use gangway_domain::{connection::ConnectionState, job::JobClass, record::Stream};
use gangway_storage::{
    SystemReason,
    figures::{Amount, Figures, MOST, MOST_OVERDUE},
    queue::NewJob,
};
use gangway_testkit::{TestApp, on_both_databases};
use serde_json::json;
use sqlx::{Connection as _, Executor as _, PgConnection};

fn start() -> DateTime<Utc> {
    "2026-03-01T08:00:00Z".parse().unwrap()
}

async fn read(app: &TestApp) -> Figures {
    read_at_most(app, MOST).await
}

async fn read_at_most(app: &TestApp, most: i64) -> Figures {
    let tx = app.app.db.begin_system(SystemReason::Measure).await.unwrap();
    let figures = tx.figures().read(app.app.now(), QUEUES, most).await.unwrap();
    tx.commit().await.unwrap();
    figures
}

fn job(app: &TestApp, class: JobClass) -> NewJob {
    let now = app.app.now();
    NewJob {
        id: app.app.new_id(),
        queue: RunSync::QUEUE.to_owned(),
        kind: RunSync::KIND.to_owned(),
        payload: "{}".to_owned(),
        class,
        run_at: now,
        max_attempts: 1,
        dedupe_key: None,
        traceparent: None,
        retry_of: None,
        created_at: now,
    }
}

on_both_databases! {
    async fn an_empty_database_has_nothing_to_show(db: TestDb) {
        let app = TestApp::on(db).clock_at(start()).start().await;
        assert_eq!(read(&app).await, Figures::default());
        app.stop().await;
    }
}

on_both_databases! {
    async fn they_count_what_waits_over_all_tenants_with_the_age_of_the_oldest(db: TestDb) {
        let app = TestApp::on(db).clock_at(start()).start().await;
        let clock = app.clock.clone().unwrap();
        let one = app.onboard("One").await;
        let sync = json!({"connection_id": one.connection, "stream": "employees", "schedule": "0 * * * *"});
        let sync = app.client.post(&one.key, "/v1/syncs", &sync).await.expect(201);
        app.run_jobs_until_idle().await;
        let sync = sync["id"].as_str().unwrap();
        app.client.post(&one.key, &format!("/v1/syncs/{sync}/runs"), &json!({"mode": "full"})).await.expect(202);
        let begun = app.app.now();
        clock.advance(TimeDelta::hours(3));
        let two = app.onboard("Two").await;
        let operator = app.operator_key().await;
        let path = format!("/v1/tenants/{}", two.tenant);
        let tenant = app.client.get(&operator, &path).await;
        let suspend = app.client.request(reqwest::Method::PATCH, &operator, &path);
        let suspend = suspend.header("if-match", tenant.header("etag").unwrap()).json(&json!({"state": "suspended"}));
        app.client.send(suspend).await.expect(200);

        let figures = read(&app).await;
        let waiting: i64 = figures.waiting.iter().map(|(_, amount)| amount.n).sum();
        assert_eq!(waiting, 1, "{figures:?}");
        let (class, amount) = figures.waiting[0];
        assert_eq!((class, amount.oldest), (JobClass::Bulk, Some(begun)), "{figures:?}");
        assert_eq!(figures.running, [(Stream::Employees, Amount { n: 1, oldest: Some(begun) })]);
        assert_eq!(figures.n_overdue, 1, "its hour has come twice");
        assert_eq!(figures.connections, [(ConnectionState::Active, 2)]);
        assert_eq!((figures.tenants, figures.n_failed, figures.n_paused), ((1, 1), 0, 0));
        assert!(figures.unchained.n > 0 && figures.unchained.oldest.is_some_and(|at| at < begun + TimeDelta::hours(1)));
        assert!(figures.n_overdue <= MOST_OVERDUE);
        app.stop().await;
    }
}

on_both_databases! {
    async fn a_backlog_of_one_class_hides_none_of_another(db: TestDb) {
        let app = TestApp::on(db).clock_at(start()).start().await;
        let tx = app.app.db.begin_system(SystemReason::Queue).await.unwrap();
        for (class, n) in [(JobClass::Bulk, 7), (JobClass::Interactive, 2)] {
            tx.queue().enqueue((0..n).map(|_| job(&app, class)).collect()).await.unwrap();
        }
        tx.commit().await.unwrap();
        let figures = read_at_most(&app, 3).await;
        let of = |class| figures.waiting.iter().find(|(found, _)| *found == class).unwrap().1.n;
        assert_eq!((of(JobClass::Interactive), of(JobClass::Bulk)), (2, 4), "{figures:?}");
        app.stop().await;
    }
}

on_both_databases! {
    async fn what_waits_for_a_suspended_tenant_calls_nobody(db: TestDb) {
        let app = TestApp::on(db).clock_at(start()).start().await;
        let one = app.onboard("One").await;
        let sync = json!({"connection_id": one.connection, "stream": "employees", "schedule": null});
        let sync = app.client.post(&one.key, "/v1/syncs", &sync).await.expect(201);
        let operator = app.operator_key().await;
        app.run_jobs_until_idle().await;
        audit::start_chaining(&app.app).await.unwrap();
        app.run_jobs_until_idle().await;
        assert_eq!(read(&app).await.unchained, Amount::default());

        let path = format!("/v1/syncs/{}/runs", sync["id"].as_str().unwrap());
        app.client.post(&one.key, &path, &json!({"mode": "full"})).await.expect(202);
        let state = async |state: &str| {
            let path = format!("/v1/tenants/{}", one.tenant);
            let tenant = app.client.get(&operator, &path).await;
            let change = app.client.request(reqwest::Method::PATCH, &operator, &path);
            let change = change.header("if-match", tenant.header("etag").unwrap()).json(&json!({"state": state}));
            app.client.send(change).await.expect(200);
            audit::start_chaining(&app.app).await.unwrap();
            read(&app).await
        };
        let resting = state("suspended").await;
        assert_eq!((&resting.waiting, &resting.running), (&Vec::new(), &Vec::new()), "{resting:?}");
        assert_eq!((resting.unchained, resting.tenants), (Amount::default(), (0, 1)), "{resting:?}");

        let resumed = state("active").await;
        assert_eq!(resumed.running, [(Stream::Employees, Amount { n: 1, oldest: Some(app.app.now()) })]);
        assert!(resumed.unchained.n > 0 && !resumed.waiting.is_empty(), "{resumed:?}");
        app.run_jobs_until_idle().await;
        assert_eq!(read(&app).await.unchained, Amount::default());
        app.stop().await;
    }
}

on_both_databases! {
    async fn a_look_at_a_locked_table_ends_and_leaves_nothing_running(db: TestDb) {
        // SQLite's readers wait for nobody.
        if db.is_postgres() {
            let mut owner = PgConnection::connect(db.owner_url()).await.unwrap();
            let app = TestApp::on(db).start().await;
            owner.execute("BEGIN; LOCK TABLE held_batch IN ACCESS EXCLUSIVE MODE").await.unwrap();
            let tx = app.app.db.begin_system(SystemReason::Measure).await.unwrap();
            let refused = tx.figures().read(app.app.now(), QUEUES, MOST).await.unwrap_err();
            assert!(refused.is_transient(), "{refused:?}");
            let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
            let n_waiting: i64 = sqlx::query_scalar(waiting).fetch_one(&mut owner).await.unwrap();
            assert_eq!(n_waiting, 0);
            owner.close().await.unwrap();
            app.stop().await;
        }
    }
}
