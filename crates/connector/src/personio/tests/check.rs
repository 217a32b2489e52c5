//! Checks speak of what to tick; discovery finds the attributes even where the vendor's list is closed.

use std::sync::Arc;

use gangway_domain::schema::{AttributeType, Catalogue, DiscoveryMethod};
use gangway_egress::{Class, Response};
use serde_json::{Value, json};

use super::{
    connection,
    vendor::{Script, answer, list, refusal, token},
};
use crate::contract::{CheckReport, CheckRequest, DiscoverRequest, ErrorKind, FindingLevel, Result};

async fn check(answers: impl IntoIterator<Item = Response>) -> Result<CheckReport> {
    connection(Arc::new(Script::new(answers))).await.check(CheckRequest::new(Class::Interactive)).await
}

fn employee(keys: &[&str]) -> Value {
    let mut attributes = json!({"id": {"value": 1}});
    for key in keys {
        attributes[key] = json!({"value": null});
    }
    json!([{"type": "Employee", "attributes": attributes}])
}

const WANTED: &[&str] =
    &["first_name", "last_name", "email", "status", "hire_date", "termination_date", "last_modified_at"];

#[tokio::test]
async fn a_well_permitted_credential_has_no_findings() {
    let report = check([token("a"), list(&employee(WANTED)), list(&json!([])), list(&json!([]))]).await.unwrap();
    assert!(report.ok && report.findings.is_empty());
    assert!(report.streams.iter().all(|stream| stream.readable));
}

#[tokio::test]
async fn missing_attributes_and_rights_are_named_with_what_to_tick() {
    let keys: Vec<&str> = WANTED.iter().copied().filter(|key| *key != "email").collect();
    let report = check([token("a"), list(&employee(&keys)), refusal(403, 0), answer(410, "")]).await.unwrap();
    assert!(report.ok);
    let codes: Vec<_> = report.findings.iter().map(|finding| (finding.level, finding.code)).collect();
    assert_eq!(
        codes,
        [
            (FindingLevel::Warning, "attribute_not_readable"),
            (FindingLevel::Warning, "stream_not_permitted"),
            (FindingLevel::Warning, "stream_not_offered"),
        ]
    );
    assert!(report.findings[0].action.as_ref().unwrap().contains("tick email"));
    assert!(report.findings[1].action.as_ref().unwrap().contains("Absences"));
    assert_eq!(report.streams.iter().map(|stream| stream.readable).collect::<Vec<_>>(), [true, false, false]);
}

#[tokio::test]
async fn a_missing_right_dressed_as_a_bad_token_is_told_apart_by_what_worked_before() {
    let report = check([token("a"), list(&employee(WANTED)), refusal(401, 401), refusal(403, 403)]).await.unwrap();
    assert!(report.ok);
    assert!(report.findings.iter().all(|finding| finding.code == "stream_not_permitted"));
    assert_eq!(report.findings.len(), 2);
}

#[tokio::test]
async fn a_refused_credential_is_a_report_and_ends_the_check() {
    let report = check([refusal(403, 0)]).await.unwrap();
    assert!(!report.ok);
    assert_eq!(report.findings[0].code, "credential_not_accepted");
    assert!(report.streams.iter().all(|stream| !stream.readable));
}

#[tokio::test]
async fn unreadable_employees_fail_the_check() {
    let report = check([token("a"), refusal(403, 0), list(&json!([])), list(&json!([]))]).await.unwrap();
    assert!(!report.ok);
    assert_eq!(report.findings[0].level, FindingLevel::Error);
}

#[tokio::test]
async fn an_outage_is_no_verdict() {
    assert_eq!(check([token("a"), answer(503, "")]).await.unwrap_err().kind, ErrorKind::Unavailable);
    assert_eq!(check([answer(502, "")]).await.unwrap_err().kind, ErrorKind::Unavailable);
}

async fn discover(answers: impl IntoIterator<Item = Response>) -> Result<Catalogue> {
    let connection = connection(Arc::new(Script::new(answers))).await;
    connection.discovery().unwrap().discover(DiscoverRequest::new(Class::Interactive)).await
}

#[tokio::test]
async fn the_vendors_list_is_read_with_options_and_fields() {
    let entries = json!([
        {"key": "email", "label": "E-Mail", "type": "standard", "universal_id": "email", "options": []},
        {"key": "weekly_working_hours", "label": "Stunden", "type": "decimal", "universal_id": null},
        {"key": "dynamic_2", "label": "Familienstand", "type": "list", "universal_id": null, "options": ["ledig", 4]},
        {"key": "dynamic_3", "label": "", "type": "hologram", "options": ""},
        {"key": "email", "label": "again"}, {"label": "keyless"}, 7,
    ]);
    let catalogue = discover([token("a"), list(&entries)]).await.unwrap();
    assert_eq!(catalogue.method, DiscoveryMethod::Listed);
    let found: Vec<_> = catalogue
        .attributes
        .iter()
        .map(|found| {
            (found.key.as_str(), found.label.as_str(), found.kind, found.is_custom, found.canonical_field.as_deref())
        })
        .collect();
    assert_eq!(
        found,
        [
            ("email", "E-Mail", AttributeType::Text, false, Some("email")),
            ("weekly_working_hours", "Stunden", AttributeType::Decimal, false, Some("weekly_hours")),
            ("dynamic_2", "Familienstand", AttributeType::List, true, None),
            ("dynamic_3", "dynamic_3", AttributeType::Unknown, true, None),
        ]
    );
    assert_eq!(catalogue.attributes[2].options, ["ledig", "4"]);
}

#[tokio::test]
async fn the_older_name_of_the_list_is_tried() {
    let catalogue =
        discover([token("a"), refusal(404, 404), list(&json!([{"key": "email", "label": "E-Mail"}]))]).await.unwrap();
    assert_eq!((catalogue.method, catalogue.attributes.len()), (DiscoveryMethod::Listed, 1));
}

#[tokio::test]
async fn a_closed_list_falls_back_to_the_union_of_keys() {
    let page = json!([
        {"attributes": {"id": {"value": 1}, "hire_date": {"value": null}, "department": {"value": {"id": 1}, "type": "standard"}}},
        {"attributes": {"id": {"value": 2}, "hire_date": {"value": "2020-01-01"}, "nickname": {"value": "J"},
            "score": {"value": 1.5}}},
    ]);
    for closed in [vec![refusal(403, 0)], vec![refusal(403, 403)], vec![answer(404, ""), answer(405, "")]] {
        let answers = std::iter::once(token("a")).chain(closed).chain([list(&page), list(&json!([]))]);
        let catalogue = discover(answers).await.unwrap();
        assert_eq!(catalogue.method, DiscoveryMethod::UnionOfKeys);
        let found: Vec<_> =
            catalogue.attributes.iter().map(|found| (found.key.as_str(), found.kind, found.is_custom)).collect();
        assert_eq!(
            found,
            [
                ("department", AttributeType::Object, false),
                ("hire_date", AttributeType::Date, false),
                ("id", AttributeType::Integer, false),
                ("nickname", AttributeType::Text, true),
                ("score", AttributeType::Decimal, true),
            ]
        );
    }
}

#[tokio::test]
async fn the_union_is_bounded() {
    let page = list(&json!([{"attributes": {"id": {"value": 1}}}]));
    let script = Arc::new(Script::new([token("a"), refusal(403, 0)].into_iter().chain(std::iter::repeat_n(page, 100))));
    let connection = connection(script.clone()).await;
    connection.discovery().unwrap().discover(DiscoverRequest::new(Class::Sweep)).await.unwrap();
    assert!(script.ledger().len() <= 5, "quiet pages end it");
}

#[tokio::test]
async fn an_outage_during_discovery_is_not_an_empty_catalogue() {
    assert_eq!(discover([token("a"), answer(500, "")]).await.unwrap_err().kind, ErrorKind::Unavailable);
    assert_eq!(discover([token("a"), refusal(403, 0), refusal(403, 0)]).await.unwrap_err().kind, ErrorKind::Forbidden);
}
