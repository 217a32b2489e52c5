//! `/v1/syncs/{id}/held`: deletions that wait for a human's yes or no.

use actix_web::{HttpResponse, get, post};
use chrono::{DateTime, Utc};
use gangway_app::{
    PageRequest,
    syncs::{self, Held, HeldEntry, Verb},
};
use gangway_domain::{
    held::{Finding, HeldBatch, HeldState},
    id::{AbsenceId, AttendanceId, EmployeeId, SyncId, SyncRunId},
    record::{RecordState, Stream},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    answer,
    extract::{Authorized, Body, ConnectionsRead, ConnectionsWrite, PageQuery, PathId, Query},
    problem::Result,
    records::{RecordStateView, StreamView},
};

/// The newest batch of deletions that a full run of the sync held, with a page of the records it names.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HeldDeletions)]
pub(crate) struct HeldView {
    /// The run that held them, which names the batch.
    #[schema(example = "run_0193f1a2b3c47d5e8f9a0b1c2d3e4f50")]
    run_id: String,
    sync_id: String,
    #[schema(value_type = StreamView)]
    stream: Stream,
    /// `open` waits; `releasing` is being carried out; `superseded`: a later sweep saw the records, or held others.
    #[schema(value_type = HeldStateView)]
    state: HeldState,
    /// How many records are missing.
    missing: i64,
    /// How many were there.
    present: i64,
    /// How many might have gone without a human.
    allowed: i64,
    /// How many are carried out, or had come back by then.
    settled: i64,
    /// Why somebody decided so.
    reason: Option<String>,
    /// Who decided.
    decided_by: Option<String>,
    decided_at: Option<DateTime<Utc>>,
    /// Refused: until then these records are not asked about again, unless they are seen in between.
    refused_until: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    /// Records of the batch that are not settled.
    data: Vec<HeldRecordView>,
    /// Give it as `after` to get the next page; null on the last.
    #[schema(required)]
    next: Option<String>,
}

/// A record that a full run did not see.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HeldRecord)]
pub(crate) struct HeldRecordView {
    /// The employee, absence or attendance.
    #[schema(example = "emp_0193f1a2b3c47d5e8f9a0b1c2d3e4f50")]
    id: String,
    /// Its id at the vendor.
    external_id: String,
    /// `gone`: the vendor says that it is not there. `hidden`: the vendor refuses to show it. `unseen_twice`: missing from two
    /// sweeps. `unseen`: missing from one, and not asked for by itself.
    #[schema(value_type = FindingView)]
    finding: Finding,
    #[schema(value_type = RecordStateView)]
    state: RecordState,
}

/// What became of a batch.
#[derive(ToSchema)]
#[schema(as = HeldState, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes the domain's type, which knows no OpenAPI")]
enum HeldStateView {
    Open,
    Releasing,
    Released,
    Refused,
    Superseded,
}

/// What is known of a record.
#[derive(ToSchema)]
#[schema(as = HeldFinding, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes the domain's type, which knows no OpenAPI")]
enum FindingView {
    Unseen,
    UnseenTwice,
    Gone,
    Hidden,
}

impl From<Held> for HeldView {
    fn from(held: Held) -> Self {
        let Held { batch, stream, reason, records } = held;
        let HeldBatch {
            run,
            sync,
            state,
            n_missing,
            n_present,
            n_allowed,
            n_settled,
            decided_by,
            decided_at,
            refused_until,
            created_at,
        } = batch;
        let next = records.items.last().filter(|_| records.has_more).map(|entry| entry.id.clone());
        Self {
            run_id: run.to_string(),
            sync_id: sync.to_string(),
            stream,
            state,
            missing: n_missing,
            present: n_present,
            allowed: n_allowed,
            settled: n_settled,
            reason,
            decided_by,
            decided_at,
            refused_until,
            created_at,
            data: records.items.into_iter().map(HeldRecordView::from).collect(),
            next,
        }
    }
}

impl From<HeldEntry> for HeldRecordView {
    fn from(entry: HeldEntry) -> Self {
        let HeldEntry { id, record: _, external_id, finding, state } = entry;
        Self { id, external_id, finding, state }
    }
}

/// A decision.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HeldDecision {
    /// The batch, as it was read: another one answers 409.
    #[schema(value_type = String, example = "run_0193f1a2b3c47d5e8f9a0b1c2d3e4f50")]
    run_id: SyncRunId,
    /// Why; kept sealed, shown with the batch.
    #[schema(min_length = 1, max_length = 1000)]
    reason: String,
}

/// Read held deletions
#[utoipa::path(tag = "syncs", operation_id = "get_held",
    params(("id" = String, Path, description = "The sync"), PageQuery),
    responses((status = 200, description = "The newest batch", body = HeldView)))]
#[get("/syncs/{id}/held")]
pub(crate) async fn read(
    who: Authorized<ConnectionsRead>,
    id: PathId<SyncId>,
    query: Query<PageQuery>,
) -> Result<HttpResponse> {
    let PageRequest { limit, after } = query.0.page::<AnyRecordId>()?;
    let page = PageRequest { limit, after: after.map(|id| id.0.uuid()) };
    Ok(answer::plain(&HeldView::from(syncs::held(&who.ctx, id.0, page).await?)))
}

/// Release held deletions
///
/// The records are gone: a job marks those of them that nobody has seen since. Doing it twice changes nothing.
#[utoipa::path(tag = "syncs", operation_id = "release_held", params(("id" = String, Path, description = "The sync")),
    request_body = HeldDecision, responses((status = 200, description = "The batch, being carried out", body = HeldView)))]
#[post("/syncs/{id}/held/release")]
pub(crate) async fn release(
    who: Authorized<ConnectionsWrite>,
    id: PathId<SyncId>,
    body: Body<HeldDecision>,
) -> Result<HttpResponse> {
    decide(who, id, body, Verb::Release).await
}

/// Refuse held deletions
///
/// The records stay, and sweeps do not ask about them again for `refused_days` of the tenant's settings, unless they are seen
/// in between. Doing it twice changes nothing.
#[utoipa::path(tag = "syncs", operation_id = "refuse_held", params(("id" = String, Path, description = "The sync")),
    request_body = HeldDecision, responses((status = 200, description = "The batch, refused", body = HeldView)))]
#[post("/syncs/{id}/held/refuse")]
pub(crate) async fn refuse(
    who: Authorized<ConnectionsWrite>,
    id: PathId<SyncId>,
    body: Body<HeldDecision>,
) -> Result<HttpResponse> {
    decide(who, id, body, Verb::Refuse).await
}

async fn decide(
    who: Authorized<ConnectionsWrite>,
    id: PathId<SyncId>,
    body: Body<HeldDecision>,
    verb: Verb,
) -> Result<HttpResponse> {
    let HeldDecision { run_id, reason } = body.value;
    let held = syncs::decide(&who.ctx, id.0, run_id, verb, &reason).await?;
    Ok(answer::plain(&HeldView::from(held)))
}

/// The id of a record of any stream, held as an employee's.
struct AnyRecordId(EmployeeId);

impl std::str::FromStr for AnyRecordId {
    type Err = gangway_domain::id::ParseIdError;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        let absence = || text.parse().map(AbsenceId::uuid);
        let attendance = || text.parse().map(AttendanceId::uuid);
        let id = text.parse().map(EmployeeId::uuid).or_else(|_| absence()).or_else(|_| attendance())?;
        Ok(Self(EmployeeId::from_uuid(id)))
    }
}
