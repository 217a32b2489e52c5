//! The isolation table: every operation, how to call it with tenant A's ids, and what tenant B may get.

use serde_json::{Value, json};

/// What tenant B gets when it names tenant A's objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expect {
    /// 404: the object is not there for B.
    NotFound,
    /// A listing without any of A's objects.
    Absent,
    /// 403: an operator's route.
    Forbidden,
    /// 404 or 422: a foreign id in the body.
    Refused,
    /// The same for everybody; nothing of a tenant in it.
    Shared,
    /// B makes an object of its own, which A does not get.
    Own,
    /// B reads or changes the one that it has itself.
    Single,
}

/// Ids of tenant A.
#[derive(Debug, Clone)]
pub(super) struct Ids {
    pub(super) tenant: String,
    pub(super) key: String,
    pub(super) connection: String,
    pub(super) attribute: String,
    pub(super) sync: String,
    pub(super) run: String,
    pub(super) employee: String,
    /// An employee who has a picture.
    pub(super) pictured: String,
    pub(super) absence: String,
    pub(super) attendance: String,
    pub(super) job: String,
    /// A run of `sync` that held deletions.
    pub(super) held: String,
    pub(super) other_sync: String,
    /// A run of `other_sync` that held deletions.
    pub(super) other_held: String,
}

impl Ids {
    pub(super) fn all(&self) -> [&str; 14] {
        [
            &self.tenant,
            &self.key,
            &self.connection,
            &self.attribute,
            &self.sync,
            &self.run,
            &self.employee,
            &self.pictured,
            &self.absence,
            &self.attendance,
            &self.job,
            &self.held,
            &self.other_sync,
            &self.other_held,
        ]
    }
}

/// One operation. `by_operator`: the control is an operator's call.
pub(super) struct Row {
    pub(super) operation: &'static str,
    pub(super) id: fn(&Ids) -> &str,
    /// With its question mark.
    pub(super) query: &'static str,
    pub(super) body: fn(&Ids) -> Option<Value>,
    pub(super) expect: Expect,
}

const fn row(operation: &'static str, id: fn(&Ids) -> &str, expect: Expect) -> Row {
    Row { operation, id, query: "", body: |_| None, expect }
}

const fn with_body(
    operation: &'static str,
    id: fn(&Ids) -> &str,
    body: fn(&Ids) -> Option<Value>,
    expect: Expect,
) -> Row {
    Row { operation, id, query: "", body, expect }
}

/// In an order in which each control works: what deletes comes last.
pub(super) const ROWS: &[Row] = &[
    row("health", |_| "", Expect::Shared),
    row("ready", |_| "", Expect::Shared),
    row("list_connectors", |_| "", Expect::Shared),
    row("get_connector", |_| "personio", Expect::Shared),
    with_body("create_tenant", |_| "", |_| Some(json!({"name": "Neu"})), Expect::Forbidden),
    row("list_tenants", |_| "", Expect::Forbidden),
    row("get_tenant", |ids| &ids.tenant, Expect::Forbidden),
    with_body("update_tenant", |ids| &ids.tenant, |_| Some(json!({"name": "Acme AG"})), Expect::Forbidden),
    with_body("create_key", |_| "", |_| Some(json!({"name": "own"})), Expect::Own),
    row("list_keys", |_| "", Expect::Absent),
    row("get_key", |ids| &ids.key, Expect::NotFound),
    with_body(
        "create_connection",
        |_| "",
        |_| {
            Some(json!({
                "connector": "personio", "name": "own", "config": {},
                "credential": {"client_id": "id", "client_secret": "secret"},
            }))
        },
        Expect::Own,
    ),
    row("list_connections", |_| "", Expect::Absent),
    row("get_connection", |ids| &ids.connection, Expect::NotFound),
    with_body("update_connection", |ids| &ids.connection, |_| Some(json!({"name": "renamed"})), Expect::NotFound),
    row("check_connection", |ids| &ids.connection, Expect::NotFound),
    row("discover_attributes", |ids| &ids.connection, Expect::NotFound),
    row("list_attributes", |ids| &ids.connection, Expect::NotFound),
    with_body(
        "choose_attributes",
        |ids| &ids.connection,
        |ids| Some(json!({"attributes": [{"id": ids.attribute, "selected": true}]})),
        Expect::NotFound,
    ),
    row("resume_connection", |ids| &ids.connection, Expect::NotFound),
    row("get_mapping", |ids| &ids.connection, Expect::NotFound),
    with_body(
        "preview_mapping",
        |ids| &ids.connection,
        |_| Some(json!({"fields": [{"field": "team", "attribute": null}]})),
        Expect::NotFound,
    ),
    with_body(
        "put_mapping",
        |ids| &ids.connection,
        |_| Some(json!({"fields": [{"field": "team", "attribute": null}]})),
        Expect::NotFound,
    ),
    row("get_budget", |ids| &ids.connection, Expect::NotFound),
    Row {
        operation: "read_through",
        id: |ids| &ids.connection,
        query: "?path=/v1/company/employees/attributes",
        body: |_| None,
        expect: Expect::NotFound,
    },
    with_body(
        "create_sync",
        |_| "",
        |ids| Some(json!({"connection_id": ids.connection, "stream": "attendances", "schedule": null})),
        Expect::Refused,
    ),
    row("list_syncs", |_| "", Expect::Absent),
    row("get_sync", |ids| &ids.sync, Expect::NotFound),
    with_body("update_sync", |ids| &ids.sync, |_| Some(json!({"schedule": "every 1h"})), Expect::NotFound),
    row("list_runs", |ids| &ids.sync, Expect::NotFound),
    row("get_run", |ids| &ids.run, Expect::NotFound),
    row("get_held", |ids| &ids.sync, Expect::NotFound),
    with_body(
        "release_held",
        |ids| &ids.sync,
        |ids| Some(json!({"run_id": ids.held, "reason": "a site closed"})),
        Expect::NotFound,
    ),
    with_body(
        "refuse_held",
        |ids| &ids.other_sync,
        |ids| Some(json!({"run_id": ids.other_held, "reason": "a right was lost"})),
        Expect::NotFound,
    ),
    row("get_settings", |_| "", Expect::Single),
    with_body("update_settings", |_| "", |_| Some(json!({"refused_days": 7})), Expect::Single),
    row("list_employees", |_| "", Expect::Absent),
    row("get_employee", |ids| &ids.employee, Expect::NotFound),
    row("list_employee_history", |ids| &ids.employee, Expect::NotFound),
    row("get_employee_picture", |ids| &ids.pictured, Expect::NotFound),
    row("list_absences", |_| "", Expect::Absent),
    row("get_absence", |ids| &ids.absence, Expect::NotFound),
    row("list_attendances", |_| "", Expect::Absent),
    row("get_attendance", |ids| &ids.attendance, Expect::NotFound),
    row("list_events", |_| "", Expect::Absent),
    row("list_audit_log", |_| "", Expect::Absent),
    row("verify_audit_log", |_| "", Expect::Absent),
    row("list_jobs", |_| "", Expect::Absent),
    row("get_job", |ids| &ids.job, Expect::NotFound),
    row("retry_job", |ids| &ids.job, Expect::NotFound),
    with_body("start_run", |ids| &ids.sync, |_| Some(json!({"mode": "incremental"})), Expect::NotFound),
    with_body(
        "put_credential",
        |ids| &ids.connection,
        |_| Some(json!({"client_id": "id", "client_secret": "secret"})),
        Expect::NotFound,
    ),
    row("delete_sync", |ids| &ids.sync, Expect::NotFound),
    row("delete_connection", |ids| &ids.connection, Expect::NotFound),
    row("revoke_key", |ids| &ids.key, Expect::NotFound),
];
