//! `/v1/employees`: people as we hold them, and what happened to each.

use actix_web::{HttpResponse, get};
use chrono::{DateTime, Utc};
use gangway_app::{
    PageRequest,
    records::{self, RecordQuery, RecordView},
};
use gangway_domain::{
    id::EmployeeId,
    record::{RecordState, Stream},
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    answer::{self, Listing},
    events::EventView,
    extract::{Authorized, FromParams, PageQuery, Params, PathId, Query, RecordsRead},
    problem::Result,
    records::{OriginView, Reader, RecordFilter, RecordStateView, ReferenceView, Values},
};

/// An employee. A field is null when the vendor says so or does not show it; `stale` names those kept from an older reading.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Employee)]
pub(crate) struct EmployeeView {
    /// Identity, ours and stable.
    #[schema(example = "emp_0193f1a2b3c47d5e8f9a0b1c2d3e4f50")]
    id: String,
    /// The person, who may have several employments.
    person_id: Option<String>,
    origin: OriginView,
    first_name: Option<String>,
    last_name: Option<String>,
    preferred_name: Option<String>,
    /// Work address.
    email: Option<String>,
    gender: Option<String>,
    /// `active`, `inactive`, `onboarding`, `leave`, as the vendor says.
    status: Option<String>,
    position: Option<String>,
    department: Option<ReferenceView>,
    office: Option<ReferenceView>,
    team: Option<ReferenceView>,
    legal_entity: Option<ReferenceView>,
    supervisor: Option<SupervisorView>,
    cost_centers: Vec<CostCenterView>,
    hire_date: Option<String>,
    contract_end_date: Option<String>,
    termination_date: Option<String>,
    last_working_day: Option<String>,
    /// A decimal as text.
    #[schema(example = "38.5")]
    weekly_hours: Option<String>,
    employment_type: Option<String>,
    picture_url: Option<String>,
    /// Other standard attributes, by the vendor's key.
    #[schema(value_type = Object)]
    attributes: Values,
    /// Selected sensitive attributes, by the vendor's key; null without the scope `sensitive:read`.
    #[schema(value_type = Option<Object>)]
    sensitive: Option<Values>,
    /// Fields and attributes whose value is kept from an older reading, because the vendor no longer shows them.
    stale: Vec<String>,
    #[schema(value_type = RecordStateView)]
    state: RecordState,
    /// Raised at every change; the `ETag` is `"v<version>"`.
    version: i64,
    first_seen_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    deleted_at: Option<DateTime<Utc>>,
}

/// Whom somebody reports to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Supervisor)]
pub(crate) struct SupervisorView {
    /// The employee, when we hold them.
    employee_id: Option<String>,
    /// The vendor's id.
    id: Option<String>,
    name: Option<String>,
}

/// A share of somebody's cost.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CostCenter)]
pub(crate) struct CostCenterView {
    id: Option<String>,
    name: Option<String>,
    /// A decimal as text.
    #[schema(example = "60")]
    percentage: Option<String>,
}

impl From<RecordView> for EmployeeView {
    fn from(record: RecordView) -> Self {
        let fields = Reader(&record.fields);
        Self {
            id: EmployeeId::from_uuid(record.id).to_string(),
            person_id: record.person.map(|id| id.to_string()),
            origin: OriginView::of(&record),
            first_name: fields.text("first_name"),
            last_name: fields.text("last_name"),
            preferred_name: fields.text("preferred_name"),
            email: fields.text("email"),
            gender: fields.text("gender"),
            status: fields.text("status"),
            position: fields.text("position"),
            department: fields.reference("department"),
            office: fields.reference("office"),
            team: fields.reference("team"),
            legal_entity: fields.reference("legal_entity"),
            supervisor: supervisor(&record),
            cost_centers: cost_centers(&fields),
            hire_date: fields.text("hire_date"),
            contract_end_date: fields.text("contract_end_date"),
            termination_date: fields.text("termination_date"),
            last_working_day: fields.text("last_working_day"),
            weekly_hours: fields.text("weekly_hours"),
            employment_type: fields.text("employment_type"),
            picture_url: fields.text("picture_url"),
            attributes: record.attributes,
            sensitive: record.sensitive,
            stale: record.stale,
            state: record.state,
            version: record.version,
            first_seen_at: record.first_seen_at,
            updated_at: record.changed_at,
            deleted_at: record.deleted_at,
        }
    }
}

fn supervisor(record: &RecordView) -> Option<SupervisorView> {
    let object = record.fields.get("supervisor")?.as_object()?;
    let member = |key: &str| object.get(key).and_then(Value::as_str).map(str::to_owned);
    Some(SupervisorView {
        employee_id: record.supervisor.map(|id| id.to_string()),
        id: member("id"),
        name: member("name"),
    })
}

fn cost_centers(fields: &Reader<'_>) -> Vec<CostCenterView> {
    let centers = fields.list("cost_centers").into_iter().map(|object| {
        let member = |key: &str| match object.get(key) {
            Some(Value::String(text)) => Some(text.clone()),
            Some(Value::Number(number)) => Some(number.to_string()),
            _ => None,
        };
        CostCenterView { id: member("id"), name: member("name"), percentage: member("percentage") }
    });
    centers.collect()
}

/// Which employees.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct EmployeeFilter {
    /// Only with this work address, in any case.
    email: Option<String>,
}

/// Which page of which employees.
pub(crate) struct EmployeeQuery {
    record: RecordFilter,
    employee: EmployeeFilter,
    page: PageQuery,
}

impl FromParams for EmployeeQuery {
    fn from_params(params: &mut Params) -> Self {
        let employee = EmployeeFilter { email: params.text("email") };
        Self { record: RecordFilter::from_params(params), employee, page: PageQuery::from_params(params) }
    }
}

/// List employees
#[utoipa::path(tag = "records", operation_id = "list_employees", params(EmployeeFilter, RecordFilter, PageQuery),
    responses((status = 200, description = "A page, in the order they were first seen", body = Listing<EmployeeView>)))]
#[get("/employees")]
pub(crate) async fn list(who: Authorized<RecordsRead>, query: Query<EmployeeQuery>) -> Result<HttpResponse> {
    let EmployeeQuery { record, employee, page } = query.0;
    let PageRequest { limit, after } = page.page::<EmployeeId>()?;
    let filter = RecordQuery { email: employee.email, ..record.into_query() };
    let page = PageRequest { limit, after: after.map(EmployeeId::uuid) };
    let page = records::list(&who.ctx, Stream::Employees, filter, page).await?;
    Ok(Listing::of(page, EmployeeView::from, |record| EmployeeId::from_uuid(record.id).to_string()))
}

/// Read an employee
#[utoipa::path(tag = "records", operation_id = "get_employee", params(("id" = String, Path, description = "The employee")),
    responses((status = 200, description = "The employee", body = EmployeeView)))]
#[get("/employees/{id}")]
pub(crate) async fn read(who: Authorized<RecordsRead>, id: PathId<EmployeeId>) -> Result<HttpResponse> {
    let record = records::get(&who.ctx, Stream::Employees, id.0.uuid()).await?;
    Ok(answer::versioned(record.version, &EmployeeView::from(record)))
}

/// Read an employee's history
///
/// Opens with `employee.first_seen` (sequence 0), then everything the log tells about them.
#[utoipa::path(tag = "records", operation_id = "list_employee_history",
    params(("id" = String, Path, description = "The employee"), PageQuery),
    responses((status = 200, description = "A page, oldest entry first", body = Listing<EventView>)))]
#[get("/employees/{id}/history")]
pub(crate) async fn history(
    who: Authorized<RecordsRead>,
    id: PathId<EmployeeId>,
    query: Query<PageQuery>,
) -> Result<HttpResponse> {
    let page = records::history(&who.ctx, id.0, query.0.page()?).await?;
    Ok(Listing::of(page, EventView::from, |entry| entry.sequence.to_string()))
}
