//! One pooled connection serves both roles and every tenant in turn: nothing of a transaction outlives it.

use futures::FutureExt as _;
use gangway_domain::id::PLATFORM_TENANT;
use gangway_storage::{Config, Db, PageRequest, SystemReason};
use sea_orm::{DatabaseConnection, TransactionTrait as _};
use tokio::sync::oneshot;

use super::{
    catalogue::{RowMaker, tenant_tables},
    support::{A, B, REFUSED, Storage, TestDb, code, connect, count, one, run, take},
};

/// A database with one row per table for both tenants, and its single connection.
async fn filled() -> Option<(TestDb, DatabaseConnection)> {
    let db = TestDb::postgres().await?;
    let tables = tenant_tables(&db.admin().await).await;
    let pool = db.pool(1).await;
    let tx = pool.begin().await.unwrap();
    take(&tx, "gangway_system", "").await;
    let mut maker = RowMaker::default();
    maker.fill(&tx, &tables, A.uuid()).await;
    maker.fill(&tx, &tables, B.uuid()).await;
    tx.commit().await.unwrap();
    Some((db, pool))
}

/// Between transactions the connection is the bare login, without tenant, and sees nothing.
async fn assert_bare(pool: &DatabaseConnection, login: &str, after: &str) {
    let found: String = one(
        pool,
        "SELECT current_user || '/' || session_user || '/' || current_setting('role') || '/'
                || coalesce(current_setting('app.tenant_id', true), '')",
    )
    .await;
    assert_eq!(found, format!("{login}/{login}/none/"), "after {after}");
    for table in ["tenant", "connection", "record", "job", "event"] {
        assert_eq!(count(pool, table).await, 0, "{table} after {after}");
    }
}

#[tokio::test]
async fn role_and_tenant_end_with_the_transaction_however_it_ends() {
    let Some((db, pool)) = filled().await else { return };
    let pid: i32 = one(&pool, "SELECT pg_backend_pid()").await;
    for (role, tenant, sees) in
        [("gangway_app", A, 1), ("gangway_system", PLATFORM_TENANT, 2), ("gangway_app", B, 1)].repeat(2)
    {
        let setting = if role == "gangway_app" { tenant.uuid().to_string() } else { String::new() };
        let begin = async || {
            let tx = pool.begin().await.unwrap();
            take(&tx, role, &setting).await;
            assert_eq!(count(&tx, "record").await, sees, "{role}");
            if role == "gangway_app" {
                let own = format!("record WHERE tenant_id = '{setting}'");
                assert_eq!(count(&tx, &own).await, 1);
            }
            tx
        };
        begin().await.commit().await.unwrap();
        assert_bare(&pool, &db.login, "a commit").await;

        begin().await.rollback().await.unwrap();
        assert_bare(&pool, &db.login, "a rollback").await;

        let tx = begin().await;
        run(&tx, "SELECT 1 / 0").await.unwrap_err();
        drop(tx);
        assert_bare(&pool, &db.login, "an error").await;

        let tx = begin().await;
        run(&tx, "SELECT 1 / 0").await.unwrap_err();
        tx.commit().await.unwrap();
        assert_bare(&pool, &db.login, "a commit of a failed transaction").await;

        drop(begin().await);
        assert_bare(&pool, &db.login, "an abandoned transaction").await;
    }
    assert_eq!(one::<i32>(&pool, "SELECT pg_backend_pid()").await, pid, "it was one connection all along");
}

#[tokio::test]
async fn a_request_cancelled_amid_a_statement_leaves_nothing_behind() {
    let Some((db, pool)) = filled().await else { return };
    let tx = pool.begin().await.unwrap();
    take(&tx, "gangway_app", &A.uuid().to_string()).await;
    let running = run(&tx, "SELECT count(*) FROM record, generate_series(1, 200000)").now_or_never();
    assert!(running.is_none(), "control: the statement was under way");
    drop(tx);
    assert_bare(&pool, &db.login, "a cancellation").await;
}

#[tokio::test]
async fn control_a_login_that_inherits_sees_every_row_between_transactions() {
    let Some((db, pool)) = filled().await else { return };
    assert_eq!(count(&pool, "record").await, 0);
    run(&db.admin().await, &format!("ALTER ROLE {} INHERIT", db.login)).await.unwrap();
    let version: i32 = one(&pool, "SELECT current_setting('server_version_num')::int").await;
    // Since 16 the grant decides, and ours says no.
    let expected = if version >= 160_000 { 0 } else { 2 };
    let fresh = db.pool(1).await;
    assert_eq!(count(&fresh, "record").await, expected);
}

#[tokio::test]
async fn storage_serves_tenants_and_system_alternately_on_one_connection() {
    let Some(db) = TestDb::postgres().await else { return };
    let config = Config { max_connections: 1, ..Config::new(&db.url) };
    let Storage { db, a, b } = db.storage_with(config).await;
    for _ in 0..3 {
        for scope in [a, b] {
            let tx = db.begin(&scope).await.unwrap();
            assert_eq!(tx.own_tenant().await.unwrap().id, scope.tenant());
            tx.commit().await.unwrap();
            let tx = db.begin_system(SystemReason::ListTenants).await.unwrap();
            let page = tx.tenants().list(PageRequest { limit: 10, after: None }).await.unwrap();
            assert_eq!(page.items.iter().map(|tenant| tenant.id).collect::<Vec<_>>(), [A, B]);
            // Left to be rolled back by its drop.
            drop(tx);
            let tx = db.begin_read(&scope).await.unwrap();
            assert_eq!(tx.own_tenant().await.unwrap().id, scope.tenant());
            drop(tx);
        }
    }
}

/// As the API's threads do: each has a runtime of its own, and they end before the worker does.
#[tokio::test(flavor = "multi_thread")]
async fn connections_outlive_the_thread_that_opened_them() {
    let Some(test) = TestDb::postgres().await else { return };
    let a = test.storage().await.a;
    let db = Db::connect(&Config { max_connections: 2, ..Config::new(&test.url) }).await.unwrap();
    let there = db.clone();
    let (opened, was_opened) = oneshot::channel();
    let (end, is_ending) = oneshot::channel();
    let other = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            // The pool had opened one, so the other is the thread's.
            let both = [there.begin(&a).await.unwrap(), there.begin(&a).await.unwrap()];
            drop(both);
            opened.send(()).unwrap();
            is_ending.await.unwrap();
        });
    });
    was_opened.await.unwrap();
    let both = [db.begin(&a).await.unwrap(), db.begin(&a).await.unwrap()];
    end.send(()).unwrap();
    other.join().unwrap();
    for tx in both {
        assert_eq!(tx.own_tenant().await.unwrap().id, A);
        tx.commit().await.unwrap();
    }
}

#[tokio::test]
async fn with_separate_logins_each_reaches_its_own_role_only() {
    let Some(db) = TestDb::postgres().await else { return };
    let (app_url, app) = db.add_login("NOINHERIT IN ROLE gangway_app").await;
    let (system_url, system) = db.add_login("NOINHERIT IN ROLE gangway_system").await;
    let config = Config { system_url: Some(system_url.clone()), ..Config::new(&app_url) };
    let Storage { db: storage, a, .. } = db.storage_with(config).await;
    let tx = storage.begin(&a).await.unwrap();
    assert_eq!(tx.own_tenant().await.unwrap().id, A);
    tx.commit().await.unwrap();

    for (url, login, forbidden) in [(app_url, app, "gangway_system"), (system_url, system, "gangway_app")] {
        let pool = connect(&url, 1).await;
        let escalate = format!("SELECT set_config('role', '{forbidden}', true)");
        assert_eq!(code(&run(&pool, &escalate).await.unwrap_err()), REFUSED, "{login}");
        assert_eq!(code(&run(&pool, &format!("SET ROLE {forbidden}")).await.unwrap_err()), REFUSED, "{login}");
        assert_eq!(code(&run(&pool, "SELECT count(*) FROM tenant").await.unwrap_err()), REFUSED, "{login}");
    }
}
