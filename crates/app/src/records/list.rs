//! Listing records by filter, and reading one.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use gangway_domain::{
    id::{ConnectionId, EmployeeId},
    principal::Scope,
    record::{RecordState, Stream},
};
use gangway_storage::{
    Page, PageRequest, TenantTx,
    records::{Record, RecordFilter},
};
use uuid::Uuid;

use super::{
    RecordView,
    choice::{self, Choice},
    view::Beside,
    wire_id,
};
use crate::{Ctx, Error, Result, audit, seal::TenantKeys};

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
    let opener = opener(ctx).await?;
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
    Ok(Page { items: views(ctx, tx, opener, stream, items, None).await?, has_more })
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
    let opener = opener(ctx).await?;
    let tx = ctx.app().db.begin_read(ctx.scope()).await?;
    let record = tx.records().find(stream, id).await?.ok_or_else(|| Error::not_found(stream.noun()))?;
    let views = views(ctx, tx, opener, stream, vec![record], Some(id)).await?;
    views.into_iter().next().ok_or_else(|| Error::not_found(stream.noun()))
}

/// What opens sealed values, for those who may see them. Fetched before a transaction begins: it may need one of its own.
async fn opener(ctx: &Ctx) -> Result<Option<Arc<TenantKeys>>> {
    if !ctx.may(Scope::SensitiveRead) {
        return Ok(None);
    }
    let app = ctx.app();
    app.keys.tenant(app, ctx.scope()).await.map(Some)
}

/// The views of records that were read in `tx`, which ends. A reading that opens sensitive values is noted in the audit log
/// before they are answered.
async fn views(
    ctx: &Ctx,
    tx: TenantTx,
    opener: Option<Arc<TenantKeys>>,
    stream: Stream,
    records: Vec<Record>,
    one: Option<Uuid>,
) -> Result<Vec<RecordView>> {
    let choice = Choice::of(&tx, stream, &records).await?;
    let mut beside = Beside::of(&tx, opener.as_deref(), &records).await?;
    tx.commit().await?;
    if beside.holds_sensitive() {
        let object = one.map_or_else(|| stream.as_str().to_owned(), |id| wire_id(stream, id));
        let tx = ctx.app().db.begin(ctx.scope()).await?;
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
