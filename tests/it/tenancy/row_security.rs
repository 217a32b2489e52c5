//! Row-level security alone: raw statements without any filter, as the application role with every grant there is.
//!
//! The grants are widened in the test's own database, so that what refuses or hides is the policy and nothing else.

use sea_orm::{DatabaseConnection, DatabaseTransaction, DbBackend, TransactionTrait as _};

use super::{
    catalogue::{RowMaker, Table, tenant_tables},
    support::{A, B, REFUSED, TestDb, code, count, one, run, take, uuid_literal},
};

struct Filled {
    db: TestDb,
    tables: Vec<Table>,
    pool: DatabaseConnection,
    maker: RowMaker,
}

/// One row per tenant in every table, and an application role that may do anything the policies do not forbid.
async fn filled() -> Option<Filled> {
    let db = TestDb::postgres().await?;
    let admin = db.admin().await;
    let tables = tenant_tables(&admin).await;
    run(&admin, "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO gangway_app").await.unwrap();
    let pool = db.pool(1).await;
    let tx = as_system(&pool).await;
    let mut maker = RowMaker::default();
    maker.fill(&tx, &tables, A.uuid()).await;
    maker.fill(&tx, &tables, B.uuid()).await;
    tx.commit().await.unwrap();
    Some(Filled { db, tables, pool, maker })
}

async fn as_app(pool: &DatabaseConnection, tenant: &str) -> DatabaseTransaction {
    let tx = pool.begin().await.unwrap();
    take(&tx, "gangway_app", tenant).await;
    tx
}

async fn as_system(pool: &DatabaseConnection) -> DatabaseTransaction {
    let tx = pool.begin().await.unwrap();
    take(&tx, "gangway_system", "").await;
    tx
}

/// Rows of two tenants, and in `tenant` the platform's own.
fn n_in_all(table: &Table) -> i64 {
    if table.name == "tenant" { 3 } else { 2 }
}

#[tokio::test]
async fn a_count_without_a_filter_sees_the_tenants_own_rows() {
    let Some(Filled { tables, pool, .. }) = filled().await else { return };
    let app = as_app(&pool, &A.uuid().to_string()).await;
    for table in &tables {
        assert_eq!(count(&app, &table.name).await, 1, "{}", table.name);
        let foreign = format!("{} WHERE {} = '{}'", table.name, table.tenant_column(), B.uuid());
        assert_eq!(count(&app, &foreign).await, 0, "{}", table.name);
    }
    app.rollback().await.unwrap();
    let system = as_system(&pool).await;
    for table in &tables {
        assert_eq!(count(&system, &table.name).await, n_in_all(table), "control: {}", table.name);
    }
}

#[tokio::test]
async fn control_without_the_policies_the_same_count_sees_every_tenant() {
    let Some(Filled { db, tables, pool, .. }) = filled().await else { return };
    let admin = db.admin().await;
    for table in &tables {
        run(&admin, &format!("ALTER TABLE {} DISABLE ROW LEVEL SECURITY", table.name)).await.unwrap();
    }
    let app = as_app(&pool, &A.uuid().to_string()).await;
    for table in &tables {
        assert_eq!(count(&app, &table.name).await, n_in_all(table), "{}", table.name);
    }
}

#[tokio::test]
async fn an_update_without_a_filter_changes_the_tenants_own_rows() {
    let Some(Filled { tables, pool, .. }) = filled().await else { return };
    for table in &tables {
        let app = as_app(&pool, &A.uuid().to_string()).await;
        let column = table.tenant_column();
        let touched = run(&app, &format!("UPDATE {} SET {column} = {column}", table.name)).await.unwrap();
        assert_eq!(touched, 1, "{}", table.name);
        app.commit().await.unwrap();
    }
}

#[tokio::test]
async fn a_delete_without_a_filter_removes_the_tenants_own_rows() {
    let Some(Filled { tables, pool, .. }) = filled().await else { return };
    let app = as_app(&pool, &A.uuid().to_string()).await;
    for table in tables.iter().rev() {
        let removed = run(&app, &format!("DELETE FROM {}", table.name)).await.unwrap();
        assert_eq!(removed, 1, "{}", table.name);
    }
    app.commit().await.unwrap();
    let system = as_system(&pool).await;
    for table in &tables {
        assert_eq!(count(&system, &table.name).await, n_in_all(table) - 1, "{}", table.name);
        let of_b = format!("{} WHERE {} = '{}'", table.name, table.tenant_column(), B.uuid());
        assert_eq!(count(&system, &of_b).await, 1, "{}", table.name);
    }
}

#[tokio::test]
async fn a_cascade_stays_in_its_tenant() {
    let Some(Filled { tables, pool, .. }) = filled().await else { return };
    let app = as_app(&pool, &A.uuid().to_string()).await;
    // Foreign keys act with the table owner's rights, past the policies: the composite keys keep them inside.
    assert_eq!(run(&app, "DELETE FROM connection").await.unwrap(), 1);
    assert_eq!(count(&app, "record").await, 0, "control: it does cascade");
    app.commit().await.unwrap();
    let system = as_system(&pool).await;
    for table in &tables {
        let of_b = format!("{} WHERE {} = '{}'", table.name, table.tenant_column(), B.uuid());
        assert_eq!(count(&system, &of_b).await, 1, "{}", table.name);
    }
}

#[tokio::test]
async fn rows_of_another_tenant_are_neither_inserted_nor_given_away() {
    let Some(Filled { tables, pool, mut maker, .. }) = filled().await else { return };
    for table in &tables {
        let app = as_app(&pool, &A.uuid().to_string()).await;
        let insert = maker.insert(DbBackend::Postgres, table, B.uuid());
        let error = run(&app, &insert).await.err().unwrap_or_else(|| panic!("{insert} went through"));
        assert_eq!(code(&error), REFUSED, "{insert}: {error}");
        app.rollback().await.unwrap();

        let app = as_app(&pool, &A.uuid().to_string()).await;
        let of_b = uuid_literal(DbBackend::Postgres, B.uuid());
        let give = format!("UPDATE {} SET {} = {of_b}", table.name, table.tenant_column());
        let error = run(&app, &give).await.err().unwrap_or_else(|| panic!("{give} went through"));
        assert_eq!(code(&error), REFUSED, "{give}: {error}");
        app.rollback().await.unwrap();
    }
}

#[tokio::test]
async fn a_row_cannot_point_at_another_tenants_parent() {
    let Some(Filled { tables, pool, mut maker, .. }) = filled().await else { return };
    // The rows made last are B's: A's new rows would hang on them. Parents beside the tenant only.
    let mut n_tried = 0;
    for table in tables.iter().filter(|table| table.foreign_keys.iter().any(|link| link.parent != "tenant")) {
        let app = as_app(&pool, &A.uuid().to_string()).await;
        let insert = maker.insert(DbBackend::Postgres, table, A.uuid());
        let error = run(&app, &insert).await.err().unwrap_or_else(|| panic!("{insert} went through"));
        assert_eq!(code(&error), "23503", "{insert}: {error}");
        app.rollback().await.unwrap();
        n_tried += 1;
    }
    assert!(n_tried > 10, "only {n_tried} tables have parents");
}

#[tokio::test]
async fn without_a_tenant_nothing_is_seen_changed_or_added() {
    let Some(Filled { tables, pool, mut maker, .. }) = filled().await else { return };
    let app = as_app(&pool, "").await;
    for table in &tables {
        assert_eq!(count(&app, &table.name).await, 0, "{}", table.name);
        let column = table.tenant_column();
        assert_eq!(run(&app, &format!("UPDATE {} SET {column} = {column}", table.name)).await.unwrap(), 0);
        assert_eq!(run(&app, &format!("DELETE FROM {}", table.name)).await.unwrap(), 0);
    }
    app.rollback().await.unwrap();
    let app = pool.begin().await.unwrap();
    run(&app, "SELECT set_config('role', 'gangway_app', true)").await.unwrap();
    assert_eq!(count(&app, "record").await, 0, "never set in this session's transaction");
    let insert = maker.insert(DbBackend::Postgres, &tables[0], A.uuid());
    assert_eq!(code(&run(&app, &insert).await.unwrap_err()), REFUSED);
    app.rollback().await.unwrap();
    let app = as_app(&pool, "not an id").await;
    assert_eq!(code(&run(&app, "SELECT count(*) FROM record").await.unwrap_err()), "22P02", "fails closed");
}

#[tokio::test]
async fn switching_row_security_off_fails_instead_of_showing_more() {
    let Some(Filled { pool, .. }) = filled().await else { return };
    let app = as_app(&pool, &A.uuid().to_string()).await;
    run(&app, "SELECT set_config('row_security', 'off', true)").await.unwrap();
    assert_eq!(code(&run(&app, "SELECT count(*) FROM record").await.unwrap_err()), REFUSED);
}

#[tokio::test]
async fn values_of_other_tenants_do_not_show_through_an_operator_that_leaks() {
    let Some(Filled { db, pool, .. }) = filled().await else { return };
    // A cheap function that reports its argument would see hidden rows if the planner ran it before the policy.
    run(
        &db.admin().await,
        "CREATE FUNCTION tattle(text) RETURNS boolean LANGUAGE plpgsql COST 0.0001
         AS 'BEGIN PERFORM set_config(''test.seen'', concat(current_setting(''test.seen'', true), $1, '';''), false);
             RETURN true; END'",
    )
    .await
    .unwrap();
    let app = as_app(&pool, &A.uuid().to_string()).await;
    assert_eq!(count(&app, "connection WHERE tattle(tenant_id::text)").await, 1);
    let seen: String = one(&app, "SELECT current_setting('test.seen')").await;
    assert_eq!(seen, format!("{};", A.uuid()));
}
