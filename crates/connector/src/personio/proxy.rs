//! Readings passed through: what the connector has no model of, and the vendor's own form of what it has. Paths and
//! parameters are those of the vendor's reference for both versions (developer.personio.de, read 2026-11-23). Each version has a token of
//! its own; whichever `api` says is read through, both can be asked.

use async_trait::async_trait;
use gangway_egress::{Method, Request};

use super::PersonioConnection;
use crate::contract::{Pass, Passed, Proxy, ProxyPath, Result};

const OPERATION: &str = "pass a reading through";
/// Largest answer that is passed through.
const LARGEST_ANSWER_BYTES: usize = 8 * 1024 * 1024;

const PAGE: &[&str] = &["limit", "offset"];
const PERIODS: &[&str] =
    &["limit", "offset", "start_date", "end_date", "updated_from", "updated_to", "employees[]", "includePending"];
const ABSENCE_PERIODS: &[&str] = &[
    "limit",
    "offset",
    "start_date",
    "end_date",
    "updated_from",
    "updated_to",
    "employees[]",
    "absence_types[]",
    "absence_periods[]",
];

const V2_PAGE: &[&str] = &["limit", "cursor"];
const PERSONS: &[&str] = &[
    "limit",
    "cursor",
    "id",
    "email",
    "first_name",
    "last_name",
    "preferred_name",
    "created_at",
    "created_at.gt",
    "created_at.lt",
    "updated_at",
    "updated_at.gt",
    "updated_at.lt",
    "status",
];
const EMPLOYMENTS: &[&str] = &["limit", "cursor", "id", "updated_at", "updated_at.gt", "updated_at.lt"];
const V2_ABSENCES: &[&str] = &[
    "limit",
    "cursor",
    "person.id",
    "absence_type.id",
    "starts_from.date_time.gte",
    "starts_from.date_time.lte",
    "ends_at.date_time.gte",
    "ends_at.date_time.lte",
    "updated_at.gte",
    "updated_at.lte",
];
const V2_ATTENDANCES: &[&str] = &[
    "limit",
    "cursor",
    "person.id",
    "project.id",
    "status",
    "attribution_date",
    "attribution_date.gte",
    "attribution_date.lte",
    "start.date_time.gte",
    "start.date_time.lte",
    "end.date_time.gte",
    "end.date_time.lte",
    "updated_at.gte",
    "updated_at.lte",
];

/// Where an earlier path and a later one both fit, the earlier one is meant.
pub(super) const PATHS: &[ProxyPath] = &[
    path(
        "/v1/company/employees",
        &["limit", "offset", "email", "updated_since", "attributes[]"],
        "Employees, with the attributes that the credential may read",
        "Employees: Read",
    ),
    path("/v1/company/employees/attributes", &[], "Attributes that the credential may read", "Employees: Read"),
    path("/v1/company/employees/{id}", &[], "One employee", "Employees: Read"),
    path("/v1/company/employees/{id}/absences/balance", &[], "An employee's absence balances", "Absences: Read"),
    path("/v1/company/time-offs", PERIODS, "Absences counted in days", "Absences: Read"),
    path("/v1/company/time-offs/{id}", &[], "One absence counted in days", "Absences: Read"),
    path("/v1/company/time-off-types", PAGE, "Kinds of absence", "Absences: Read"),
    path("/v1/company/absence-periods", ABSENCE_PERIODS, "Absences counted in hours", "Absences: Read"),
    path("/v1/company/attendances", PERIODS, "Attendances", "Attendances: Read"),
    path("/v1/company/attendances/projects", &[], "Projects of attendances", "Attendances: Read"),
    path("/v1/company/document-categories", &[], "Categories of documents", "Documents: Read"),
    path("/v1/company/custom-reports/reports", &[], "Custom reports", "Custom reports: Read"),
    path(
        "/v1/company/custom-reports/reports/{id}",
        &["page", "limit", "locale"],
        "One custom report",
        "Custom reports: Read",
    ),
    path("/v1/company/custom-reports/columns", &["locale"], "Columns of custom reports", "Custom reports: Read"),
    path("/v2/persons", PERSONS, "Persons, without what is about their work", "Employees: Read"),
    path("/v2/persons/{id}", &[], "One person", "Employees: Read"),
    path("/v2/persons/{id}/employments", EMPLOYMENTS, "A person's employments", "Employees: Read"),
    path("/v2/persons/{id}/employments/{id}", &[], "One employment", "Employees: Read"),
    path("/v2/org-units", &["limit", "cursor", "type"], "Departments or teams, by `type`", "Employees: Read"),
    path("/v2/org-units/{id}", &["type"], "One department or team", "Employees: Read"),
    path("/v2/legal-entities", V2_PAGE, "Legal entities", "Employees: Read"),
    path("/v2/legal-entities/{id}", &[], "One legal entity", "Employees: Read"),
    path("/v2/cost-centers", V2_PAGE, "Cost centers", "Cost centers: Read"),
    path("/v2/workplaces", V2_PAGE, "Workplaces", "Employees: Read"),
    path("/v2/absence-types", V2_PAGE, "Kinds of absence, with the ids of version 2", "Absences: Read"),
    path("/v2/absence-types/{id}", &[], "One kind of absence", "Absences: Read"),
    path("/v2/absence-periods", V2_ABSENCES, "Absences, with the ids of version 2", "Absences: Read"),
    path("/v2/absence-periods/{id}", &[], "One absence", "Absences: Read"),
    path("/v2/absence-periods/{id}/breakdowns", V2_PAGE, "How much each day of an absence counts", "Absences: Read"),
    path("/v2/attendance-periods", V2_ATTENDANCES, "Periods of work and breaks", "Attendances: Read"),
    path("/v2/attendance-periods/{id}", &[], "One period of work or break", "Attendances: Read"),
    path(
        "/v2/document-management/documents",
        &["owner_id", "limit", "cursor"],
        "The documents of a person, by `owner_id`, without their contents",
        "Documents: Read",
    ),
];

const fn path(
    template: &'static str,
    query: &'static [&'static str],
    reads: &'static str,
    requires_permission: &'static str,
) -> ProxyPath {
    ProxyPath { template, query, reads, requires_permission }
}

/// The type of an answer, if it is one that the vendor has; its header is free text, and the vendor's.
fn known_type(header: &str) -> String {
    const KNOWN: [&str; 10] = [
        "application/json",
        "application/problem+json",
        "application/pdf",
        "application/xml",
        "text/csv",
        "text/html",
        "text/plain",
        "text/xml",
        "image/jpeg",
        "image/png",
    ];
    let essence = header.split(';').next().unwrap_or_default().trim();
    let known = KNOWN.into_iter().find(|known| known.eq_ignore_ascii_case(essence));
    known.unwrap_or("application/octet-stream").to_owned()
}

#[async_trait]
impl Proxy for PersonioConnection {
    async fn pass(&self, request: Pass) -> Result<Passed> {
        let Pass { template, path, query, class } = request;
        let mut get = Request::new(Method::Get, template, path, class);
        get.query = query;
        get.max_answer_bytes = LARGEST_ANSWER_BYTES;
        let is_of_v2 = template.starts_with("/v2/");
        let response =
            if is_of_v2 { self.v2.pass(OPERATION, get).await? } else { self.client.pass(OPERATION, get).await? };
        let content_type = response.header("content-type").map(known_type);
        Ok(Passed::new(response.status, content_type, response.body))
    }
}
