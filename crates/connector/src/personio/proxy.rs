//! Readings passed through: what the connector has no model of, and the vendor's own form of what it has. Paths and
//! parameters are those of the vendor's reference for version 1 (developer.personio.de, read 2026-11-23).

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
        let response = self.client.pass(OPERATION, get).await?;
        let content_type = response.header("content-type").map(known_type);
        Ok(Passed::new(response.status, content_type, response.body))
    }
}
