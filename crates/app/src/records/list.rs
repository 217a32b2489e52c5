//! Listing records by filter, and reading one.

use chrono::{DateTime, NaiveDate, Utc};
use gangway_domain::{
    id::{ConnectionId, EmployeeId},
    principal::Scope,
    record::{RecordState, Stream},
};
use gangway_storage::{
    Page, PageRequest,
    records::{Record, RecordFilter},
};
use uuid::Uuid;

use super::{
    RecordView,
    choice::{self, Choice},
    view::{Beside, Sensitive},
    wire_id,
};
use crate::{Ctx, Error, Result, audit};

/// Which records a listing shows.
#[derive(Debug, Clone, Default)]
pub struct RecordQuery {
    /// Only through this connection.
    pub connection: Option<ConnectionId>,
    /// Only in this state; present ones when left out.
    pub state: Option<RecordState>,
    /// Only with this status (`active`, `approved`).
    pub status: Option<String>,
    /// Employees: only with this work email, in any case.
    pub email: Option<String>,
    /// Only what changed at or after.
    pub updated_since: Option<DateTime<Utc>>,
    /// Absences and attendances: only of this employee.
    pub employee: Option<EmployeeId>,
    /// Absences and attendances: only what lasts until this day or longer.
    pub from: Option<NaiveDate>,
    /// Absences and attendances: only what begins on this day or before.
    pub to: Option<NaiveDate>,
}

/// Records of a stream in creation order.
///
/// # Errors
/// `request.invalid` when `from` lies after `to`.
pub async fn list(ctx: &Ctx, stream: Stream, query: RecordQuery, page: PageRequest<Uuid>) -> Result<Page<RecordView>> {
    ctx.require(Scope::RecordsRead)?;
    let RecordQuery { connection, state, status, email, updated_since, employee, from, to } = query;
    if let (Some(from), Some(to)) = (from, to)
        && from > to
    {
        return Err(Error::invalid("from", "`from` must not lie after `to`"));
    }
    let tx = ctx.app().db.begin_read(ctx.scope()).await?;
    let employee = match employee {
        Some(employee) => Some(tx.records().list_employee_names(employee).await?),
        None => None,
    };
    let filter = RecordFilter {
        connection,
        not_connections: choice::hiding(&tx, stream, asked_for(status.as_ref(), email.as_ref()))
            .await?
            .into_iter()
            .collect(),
        state: Some(state.unwrap_or(RecordState::Present)),
        status,
        email: email.map(|email| email.trim().to_lowercase()),
        updated_since,
        employee,
        from,
        to,
    };
    let Page { items, has_more } = tx.records().list(stream, &filter, page).await?;
    tx.commit().await?;
    Ok(Page { items: views(ctx, stream, items, None).await?, has_more })
}

/// The canonical fields that a query asks about.
fn asked_for(status: Option<&String>, email: Option<&String>) -> impl Iterator<Item = &'static str> + use<> {
    [status.map(|_| "status"), email.map(|_| "email")].into_iter().flatten()
}

/// One record of a stream, gone ones too.
///
/// # Errors
/// `object.not-found`.
pub async fn get(ctx: &Ctx, stream: Stream, id: Uuid) -> Result<RecordView> {
    ctx.require(Scope::RecordsRead)?;
    let tx = ctx.app().db.begin_read(ctx.scope()).await?;
    let record = tx.records().find(stream, id).await?;
    tx.commit().await?;
    let record = record.ok_or_else(|| Error::not_found(stream.noun()))?;
    let views = views(ctx, stream, vec![record], Some(id)).await?;
    views.into_iter().next().ok_or_else(|| Error::not_found(stream.noun()))
}

/// The views of records. A reading that opens sensitive values is noted in the audit log before they are answered.
async fn views(ctx: &Ctx, stream: Stream, records: Vec<Record>, one: Option<Uuid>) -> Result<Vec<RecordView>> {
    let app = ctx.app();
    let keys = app.keys.tenant(app, ctx.scope()).await?;
    let sensitive = if ctx.may(Scope::SensitiveRead) { Sensitive::Show } else { Sensitive::Hide };
    let tx = app.db.begin_read(ctx.scope()).await?;
    let choice = Choice::of(&tx, stream, &records).await?;
    let mut beside = Beside::of(&tx, &keys, &records, sensitive).await?;
    tx.commit().await?;
    if beside.holds_sensitive() {
        let object = one.map_or_else(|| stream.as_str().to_owned(), |id| wire_id(stream, id));
        let tx = app.db.begin(ctx.scope()).await?;
        let detail = serde_json::json!({ "records": records.len() });
        audit::record(ctx, &tx, "sensitive.read", &object, detail).await?;
        tx.commit().await?;
    }
    let views = records.into_iter().map(|record| {
        let mapped_by = record.mapped_by;
        let mut view = beside.view(record);
        choice.apply(&mut view, mapped_by);
        view
    });
    Ok(views.collect())
}
