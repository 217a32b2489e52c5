//! `/v1/absences`: time off.

use actix_web::{HttpResponse, get};
use chrono::{DateTime, Utc};
use gangway_app::{
    PageRequest,
    records::{self, RecordView},
};
use gangway_domain::{
    id::AbsenceId,
    record::{RecordState, Stream},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    answer::{self, Listing},
    extract::{Authorized, PageQuery, PathId, Query, RecordsRead},
    problem::Result,
    records::{OriginView, Reader, RecordFilter, RecordStateView, ReferenceView, Sensitive, TimeFilter, TimeQuery},
};

/// Time off.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Absence)]
pub(crate) struct AbsenceView {
    /// Identity, ours and stable.
    #[schema(example = "abs_0193f1a2b3c47d5e8f9a0b1c2d3e4f50")]
    id: String,
    origin: OriginView,
    /// Whose, when we hold the employee.
    employee_id: Option<String>,
    /// The employee as the vendor names them.
    employee: Option<ReferenceView>,
    r#type: Option<ReferenceView>,
    status: Option<String>,
    /// First day.
    starts_on: Option<String>,
    /// Last day.
    ends_on: Option<String>,
    half_day_start: Option<bool>,
    half_day_end: Option<bool>,
    /// A decimal as text.
    #[schema(example = "2.5")]
    days: Option<String>,
    /// A decimal as text, of an absence that is counted in hours; `days` is null then. Not every connector tells hours.
    #[schema(example = "7.5")]
    hours: Option<String>,
    /// Null without the scope `sensitive:read`.
    comment: Option<String>,
    /// Null without the scope `sensitive:read`.
    certificate_status: Option<String>,
    stale: Vec<String>,
    /// Fields that are null because the key lacks the scope `sensitive:read`, whether or not they have a value.
    withheld: Vec<String>,
    #[schema(value_type = RecordStateView)]
    state: RecordState,
    version: i64,
    first_seen_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    deleted_at: Option<DateTime<Utc>>,
}

impl From<RecordView> for AbsenceView {
    fn from(record: RecordView) -> Self {
        let fields = Reader(&record.fields);
        let sensitive = Sensitive::of(&record, &["comment", "certificate_status"]);
        Self {
            id: AbsenceId::from_uuid(record.id).to_string(),
            origin: OriginView::of(&record),
            employee_id: record.employee.map(|id| id.to_string()),
            employee: fields.reference("employee"),
            r#type: fields.reference("type"),
            status: fields.text("status"),
            starts_on: fields.text("starts_on"),
            ends_on: fields.text("ends_on"),
            half_day_start: fields.flag("half_day_start"),
            half_day_end: fields.flag("half_day_end"),
            days: fields.text("days"),
            hours: fields.text("hours"),
            comment: sensitive.text("comment"),
            certificate_status: sensitive.text("certificate_status"),
            withheld: sensitive.withheld(),
            stale: record.stale,
            state: record.state,
            version: record.version,
            first_seen_at: record.first_seen_at,
            updated_at: record.changed_at,
            deleted_at: record.deleted_at,
        }
    }
}

/// List absences
#[utoipa::path(tag = "records", operation_id = "list_absences", params(TimeFilter, RecordFilter, PageQuery),
    responses((status = 200, description = "A page, in the order they were first seen", body = Listing<AbsenceView>)))]
#[get("/absences")]
pub(crate) async fn list(who: Authorized<RecordsRead>, query: Query<TimeQuery>) -> Result<HttpResponse> {
    let PageRequest { limit, after } = query.0.page.page::<AbsenceId>()?;
    let page = PageRequest { limit, after: after.map(AbsenceId::uuid) };
    let page = records::list(&who.ctx, Stream::Absences, query.0.into_query(), page).await?;
    Ok(Listing::of(page, AbsenceView::from, |record| AbsenceId::from_uuid(record.id).to_string()))
}

/// Read an absence
#[utoipa::path(tag = "records", operation_id = "get_absence", params(("id" = String, Path, description = "The absence")),
    responses((status = 200, description = "The absence", body = AbsenceView)))]
#[get("/absences/{id}")]
pub(crate) async fn read(who: Authorized<RecordsRead>, id: PathId<AbsenceId>) -> Result<HttpResponse> {
    let record = records::get(&who.ctx, Stream::Absences, id.0.uuid()).await?;
    Ok(answer::versioned(record.version, &AbsenceView::from(record)))
}
