//! `/v1/attendances`: time worked.

use actix_web::{HttpResponse, get};
use chrono::{DateTime, Utc};
use gangway_app::{
    PageRequest,
    records::{self, RecordView},
};
use gangway_domain::{
    id::AttendanceId,
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

/// Time worked.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Attendance)]
pub(crate) struct AttendanceView {
    /// Identity, ours and stable.
    #[schema(example = "att_0193f1a2b3c47d5e8f9a0b1c2d3e4f50")]
    id: String,
    origin: OriginView,
    /// Whose, when we hold the employee.
    employee_id: Option<String>,
    /// The employee as the vendor names them.
    employee: Option<ReferenceView>,
    /// `work` or `break` where the vendor keeps breaks as records of their own; null where `break_minutes` tells them.
    kind: Option<String>,
    date: Option<String>,
    starts_at: Option<String>,
    ends_at: Option<String>,
    break_minutes: Option<i64>,
    status: Option<String>,
    /// Null without the scope `sensitive:read`.
    comment: Option<String>,
    project: Option<ReferenceView>,
    is_holiday: Option<bool>,
    is_time_off: Option<bool>,
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

impl From<RecordView> for AttendanceView {
    fn from(record: RecordView) -> Self {
        let fields = Reader(&record.fields);
        let sensitive = Sensitive::of(&record, &["comment"]);
        Self {
            id: AttendanceId::from_uuid(record.id).to_string(),
            origin: OriginView::of(&record),
            employee_id: record.employee.map(|id| id.to_string()),
            employee: fields.reference("employee"),
            kind: fields.text("kind"),
            date: fields.text("date"),
            starts_at: fields.text("starts_at"),
            ends_at: fields.text("ends_at"),
            break_minutes: fields.integer("break_minutes"),
            status: fields.text("status"),
            comment: sensitive.text("comment"),
            project: fields.reference("project"),
            is_holiday: fields.flag("is_holiday"),
            is_time_off: fields.flag("is_time_off"),
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

/// List attendances
#[utoipa::path(tag = "records", operation_id = "list_attendances", params(TimeFilter, RecordFilter, PageQuery),
    responses((status = 200, description = "A page, in the order they were first seen", body = Listing<AttendanceView>)))]
#[get("/attendances")]
pub(crate) async fn list(who: Authorized<RecordsRead>, query: Query<TimeQuery>) -> Result<HttpResponse> {
    let PageRequest { limit, after } = query.0.page.page::<AttendanceId>()?;
    let page = PageRequest { limit, after: after.map(AttendanceId::uuid) };
    let page = records::list(&who.ctx, Stream::Attendances, query.0.into_query(), page).await?;
    Ok(Listing::of(page, AttendanceView::from, |record| AttendanceId::from_uuid(record.id).to_string()))
}

/// Read an attendance
#[utoipa::path(tag = "records", operation_id = "get_attendance",
    params(("id" = String, Path, description = "The attendance")),
    responses((status = 200, description = "The attendance", body = AttendanceView)))]
#[get("/attendances/{id}")]
pub(crate) async fn read(who: Authorized<RecordsRead>, id: PathId<AttendanceId>) -> Result<HttpResponse> {
    let record = records::get(&who.ctx, Stream::Attendances, id.0.uuid()).await?;
    Ok(answer::versioned(record.version, &AttendanceView::from(record)))
}
