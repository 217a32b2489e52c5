//! Transactions that meet at a connection's rows wait for each other in one order, so that none is ended as a deadlock.

use gangway_app::{
    attributes::{self, Choice},
    connections,
    queue::{JobFence, Outcome},
    syncs::{self, Progress},
};
use gangway_domain::{
    id::{SyncId, SyncRunId},
    record::Stream,
    sync::RunMode,
};
use gangway_testkit::{eventually, on_both_databases};
use serde_json::json;
use sqlx::{Connection as _, Executor as _, PgConnection, Row as _};

use super::support::Bench;

on_both_databases! {
    async fn a_connection_is_deleted_beside_its_running_page(db: TestDb) {
        let bench = Bench::on(db).await;
        let (_, run, fence) = read_one_page(&bench).await;
        // Where a page looks records up: it has locked its run, and no record yet.
        let held = Held::table(&bench, "record_alias").await;
        let page = bench.execute(run, &fence);
        let deletion = connections::delete(&bench.ctx, bench.connection, None);
        let (page, deletion) = Box::pin(held.meet(page, deletion)).await;
        assert!(matches!(page.unwrap(), Progress::Done));
        deletion.unwrap();
        assert_eq!(bench.db.count("record").await, 0);
    }

    async fn a_connection_is_deleted_beside_a_page_that_links_its_people(db: TestDb) {
        let bench = Bench::on(db).await;
        bench.vendor.account().sends_fields = true;
        bench.vendor.hire(1..4, bench.now());
        let other = bench.connect("Other").await;
        let others = bench.sync_of(other, Stream::Employees).await;
        bench.run(others, RunMode::Full).await;
        let sync = bench.sync(Stream::Employees).await;
        let (run, fence) = bench.begin(sync, RunMode::Full).await;
        // The page knows whose they are, and the deletion that nobody else has them.
        let held = Held::table(&bench, "person").await;
        let page = bench.execute(run, &fence);
        let deletion = connections::delete(&bench.ctx, other, None);
        let (page, deletion) = Box::pin(held.meet(page, deletion)).await;
        assert!(matches!(page.unwrap(), Progress::Done));
        deletion.unwrap();
        assert_eq!((bench.db.count("person").await, bench.db.count("person_link").await), (3, 3));
    }

    async fn a_sync_is_deleted_beside_a_page_that_notes_another_choice(db: TestDb) {
        let bench = Bench::on(db).await;
        let (sync, run, fence) = read_one_page(&bench).await;
        attributes::choose(&bench.ctx, bench.connection, vec![salary(true)]).await.unwrap();
        let held = Held::table(&bench, "record_alias").await;
        let page = bench.execute_pages(run, &fence, 1);
        let (page, deletion) = held.meet(page, syncs::delete(&bench.ctx, sync, None)).await;
        page.unwrap();
        deletion.unwrap();
        assert_eq!(bench.db.count("sync_run").await, 0);
    }

    async fn a_choice_is_made_beside_a_discovery(db: TestDb) {
        let bench = Bench::on(db).await;
        let (_, _, fence) = read_one_page(&bench).await;
        bench.ack(fence, Outcome::Again).await;
        // Both have begun and locked what they lock before they read the attributes.
        let held = Held::table(&bench, "attribute").await;
        let choice = attributes::choose(&bench.ctx, bench.connection, vec![salary(true)]);
        let (discovery, choice) = Box::pin(held.meet(connections::discover(&bench.ctx, bench.connection), choice)).await;
        discovery.unwrap();
        choice.unwrap();
    }

    async fn a_choice_is_made_beside_a_page_that_takes_up_attributes(db: TestDb) {
        let bench = Bench::on(db).await;
        let (_, run, fence) = read_one_page(&bench).await;
        for id in 4..7 {
            bench.vendor.change(Stream::Employees, &id.to_string(), bench.now(), |employee| {
                employee.attributes.insert(format!("unlisted_{id}"), json!(id));
            });
        }
        // Where a page reads the choice: it has locked its run, and taken up nothing yet.
        let held = Held::table(&bench, "attribute").await;
        let page = bench.execute_pages(run, &fence, 1);
        let choice = attributes::choose(&bench.ctx, bench.connection, vec![salary(true)]);
        let (page, choice) = held.meet(page, choice).await;
        page.unwrap();
        choice.unwrap();
        assert_eq!(attributes::list(&bench.ctx, bench.connection).await.unwrap().len(), 5);
    }
}

async fn read_one_page(bench: &Bench) -> (SyncId, SyncRunId, JobFence) {
    bench.vendor.hire(1..13, bench.now());
    let sync = bench.sync(Stream::Employees).await;
    let (run, fence) = bench.begin(sync, RunMode::Full).await;
    assert_eq!(bench.execute_pages(run, &fence, 1).await.unwrap(), Progress::Yield);
    (sync, run, fence)
}

fn salary(selected: bool) -> Choice {
    Choice { key: Some("dynamic_2".to_owned()), selected: Some(selected), ..Choice::default() }
}

/// A table that nobody can use until both parties wait. On SQLite there is one writer, and nobody to wait within a transaction.
struct Held(Option<PgConnection>);

impl Held {
    async fn table(bench: &Bench, table: &'static str) -> Self {
        if !bench.db.is_postgres() {
            return Self(None);
        }
        let mut connection = PgConnection::connect(bench.db.owner_url()).await.unwrap();
        connection.execute("BEGIN").await.unwrap();
        connection.execute(sqlx::AssertSqlSafe(format!("LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))).await.unwrap();
        Self(Some(connection))
    }

    /// Lets the first party run until it waits, then the second until it waits as well, then both until they have ended.
    async fn meet<A, B>(self, first: impl Future<Output = A>, second: impl Future<Output = B>) -> (A, B) {
        let Some(mut connection) = self.0 else { return tokio::join!(first, second) };
        let mut watcher = tokio::sync::oneshot::channel();
        let second = async {
            (&mut watcher.1).await.unwrap();
            second.await
        };
        let holding = async {
            wait_for(&mut connection, 1).await;
            watcher.0.send(()).unwrap();
            wait_for(&mut connection, 2).await;
            connection.execute("ROLLBACK").await.unwrap();
        };
        let (first, second, ()) = tokio::join!(first, second, holding);
        (first, second)
    }
}

/// Waits until so many transactions of the database wait for a lock.
async fn wait_for(connection: &mut PgConnection, n: i64) {
    let sql = "SELECT count(DISTINCT l.pid) FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
               WHERE NOT l.granted AND a.datname = current_database()";
    let what = format!("{n} transactions that wait for a lock");
    eventually(&what, async || {
        // Within a transaction the list of backends stays what it was when first looked at: whoever connected since is not on it.
        connection.execute("SELECT pg_stat_clear_snapshot()").await.unwrap();
        connection.fetch_one(sql).await.unwrap().get::<i64, _>(0) >= n
    })
    .await;
}
