//! Whoever changes the audit log in the database is found: by place, entry and kind of change.

use gangway_testkit::{Onboarded, TestApp, TestDb, on_both_databases};
use sea_orm::{ConnectionTrait as _, Database};
use serde_json::{Value, json};

use super::{
    audit::{chain, verify},
    support::{pointers, text},
};

/// A tenant whose log has some chained entries, and those entries.
async fn chained(db: TestDb) -> (TestApp, Onboarded, Vec<Value>) {
    let app = TestApp::on(db).start().await;
    let tenant = app.onboard("Acme").await;
    chain(&app).await;
    let entries = app.client.list(&tenant.key, "/v1/audit-log").await;
    assert!(entries.len() >= 5);
    assert_eq!(verify(&app, &tenant, "").await["ok"], true, "control");
    (app, tenant, entries)
}

/// Statements past every wall; `{tenant}` and `{n}` (an entry's id) are replaced by literals.
async fn tamper(app: &TestApp, tenant: &Onboarded, entries: &[Value], sql: &str) {
    let literal = |id: &str| {
        let digits = id.split_once('_').unwrap().1;
        if app.db.is_postgres() { format!("'{digits}'::uuid") } else { format!("X'{digits}'") }
    };
    let mut sql = sql.replace("{tenant}", &literal(&tenant.tenant));
    for (n, entry) in entries.iter().enumerate() {
        sql = sql.replace(&format!("{{{n}}}"), &literal(&text(entry, "id")));
    }
    let owner = Database::connect(app.db.owner_url()).await.unwrap();
    for statement in sql.split(';') {
        assert!(owner.execute_unprepared(statement).await.unwrap().rows_affected() > 0, "{statement}");
    }
    owner.close().await.unwrap();
}

async fn assert_found(db: TestDb, sql: &str, sequence: usize, entry: Option<usize>, reason: &str) {
    let (app, tenant, entries) = chained(db).await;
    tamper(&app, &tenant, &entries, sql).await;
    let verdict = verify(&app, &tenant, "").await;
    assert_eq!(verdict["ok"], false, "{verdict}");
    assert_eq!(verdict["broken"]["sequence"], sequence, "{verdict}");
    assert_eq!(verdict["broken"]["reason"], reason, "{verdict}");
    if let Some(entry) = entry {
        assert_eq!(verdict["broken"]["entry_id"], entries[entry]["id"], "{verdict}");
    }
    app.stop().await;
}

on_both_databases! {
    async fn a_changed_entry_is_found(db: TestDb) {
        let sql = "UPDATE audit_entry SET principal = 'cli' WHERE tenant_id = {tenant} AND id = {2}";
        assert_found(db, sql, 3, Some(2), "changed").await;
    }

    async fn a_changed_time_is_found(db: TestDb) {
        let sql = "UPDATE audit_entry SET at = at + 1 WHERE tenant_id = {tenant} AND id = {0}";
        assert_found(db, sql, 1, Some(0), "changed").await;
    }

    async fn details_that_are_not_even_json_are_found(db: TestDb) {
        let sql = "UPDATE audit_entry SET detail = '{' WHERE tenant_id = {tenant} AND id = {1}";
        assert_found(db, sql, 2, Some(1), "changed").await;
    }

    async fn a_removed_entry_is_found(db: TestDb) {
        assert_found(db, "DELETE FROM audit_entry WHERE tenant_id = {tenant} AND id = {1}", 2, None, "removed").await;
    }

    async fn a_removed_last_entry_is_found(db: TestDb) {
        let sql = "DELETE FROM audit_entry WHERE tenant_id = {tenant} AND sequence =
                   (SELECT max(sequence) FROM audit_entry WHERE tenant_id = {tenant} AND sequence <= 5)
                   ; UPDATE audit_chain SET sequence = 5 WHERE tenant_id = {tenant}";
        let (app, tenant, entries) = chained(db).await;
        let sql = sql.replace('5', &entries.len().to_string());
        tamper(&app, &tenant, &entries, &sql).await;
        let verdict = verify(&app, &tenant, "").await;
        assert_eq!((&verdict["broken"]["sequence"], &verdict["broken"]["reason"]), (&json!(entries.len()), &json!("removed")));
        app.stop().await;
    }

    async fn an_inserted_entry_is_found(db: TestDb) {
        // In the middle: those behind it move one place on.
        let sql = "UPDATE audit_entry SET sequence = sequence + 100 WHERE tenant_id = {tenant} AND sequence > 2
                   ; UPDATE audit_entry SET sequence = sequence - 99 WHERE tenant_id = {tenant} AND sequence > 100
                   ; INSERT INTO audit_entry (tenant_id, id, principal, action, object, detail, at, sequence, chain)
                     SELECT tenant_id, {tenant}, principal, action, object, detail, at, 3, chain
                     FROM audit_entry WHERE tenant_id = {tenant} AND id = {1}";
        assert_found(db, sql, 3, None, "changed").await;
    }

    async fn an_entry_behind_the_end_is_found(db: TestDb) {
        let sql = "INSERT INTO audit_entry (tenant_id, id, principal, action, object, detail, at, sequence, chain)
                     SELECT tenant_id, {tenant}, principal, action, object, detail, at, 77, chain
                     FROM audit_entry WHERE tenant_id = {tenant} AND id = {1}";
        assert_found(db, sql, 77, None, "added").await;
    }

    async fn exchanged_entries_are_found(db: TestDb) {
        let sql = "UPDATE audit_entry SET sequence = 99 WHERE tenant_id = {tenant} AND id = {1}
                   ; UPDATE audit_entry SET sequence = 2 WHERE tenant_id = {tenant} AND id = {3}
                   ; UPDATE audit_entry SET sequence = 4 WHERE tenant_id = {tenant} AND id = {1}";
        assert_found(db, sql, 2, Some(3), "changed").await;
    }

    async fn a_tail_cut_off_with_its_end_is_found_by_a_link_that_was_noted(db: TestDb) {
        let (app, tenant, entries) = chained(db).await;
        let noted = entries.last().unwrap();
        let query = format!("?sequence={}&link={}", noted["sequence"], text(noted, "link"));
        assert_eq!(verify(&app, &tenant, &query).await["ok"], true, "control");
        let sql = "UPDATE audit_chain SET sequence = 3, link =
                     (SELECT chain FROM audit_entry WHERE tenant_id = {tenant} AND sequence = 3) WHERE tenant_id = {tenant}
                   ; DELETE FROM audit_entry WHERE tenant_id = {tenant} AND sequence > 3";
        tamper(&app, &tenant, &entries, sql).await;
        // By itself the shorter chain holds: this is why its end is noted elsewhere.
        assert_eq!(verify(&app, &tenant, "").await["ok"], true);
        let verdict = verify(&app, &tenant, &query).await;
        assert_eq!((&verdict["broken"]["sequence"], &verdict["broken"]["reason"]), (&noted["sequence"], &json!("not_as_noted")));
        app.stop().await;
    }

    async fn verification_goes_on_from_a_place_and_refuses_what_is_none(db: TestDb) {
        let (app, tenant, entries) = chained(db).await;
        let verdict = verify(&app, &tenant, "?after=3").await;
        assert_eq!((&verdict["ok"], &verdict["n_verified"]), (&json!(true), &json!(entries.len() - 3)));
        for (query, pointer) in [
            ("after=999", "after"),
            ("after=-1", "after"),
            ("sequence=0", "sequence"),
            ("sequence=1", "link"),
            ("link=zz", "link"),
        ] {
            let answer = app.client.get(&tenant.key, &format!("/v1/audit-log/verify?{query}")).await;
            assert_eq!(pointers(&answer), [pointer], "{query}");
        }
        app.stop().await;
    }
}
