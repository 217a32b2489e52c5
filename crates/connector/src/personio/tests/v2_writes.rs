//! Employees written through version 2: names become ids first, a person and an employment are changed by a call each, and what
//! became of both is told.

use std::sync::Arc;

use gangway_egress::{Class, Error as PortError, ErrorKind as Port, Method, Response};
use serde_json::{Value, json};

use super::{
    super::ApiVersion,
    v2::{granted, page},
    v2_attendances::{connection, problem},
    vendor::{self, Script, answer, list, refusal},
    writes::{sent_body, values},
};
use crate::contract::{CreateEmployee, ErrorKind, FieldProblem, Outcome, Retry, UpdateEmployee, WriteError, Written};

pub(super) fn token() -> Response {
    granted(
        "a",
        "personio:persons:read personio:persons:write personio:absences:write personio:attendances:write \
         personio:absences:read personio:attendances:read personio:cost-centers:read",
    )
}

/// Methods and paths of what was sent.
pub(super) fn sent(script: &Script) -> Vec<String> {
    let sent = script.sent.lock().unwrap();
    sent.iter().map(|request| format!("{} {}", request.method.as_str(), request.path)).collect()
}

pub(super) fn begun(answers: impl IntoIterator<Item = Response>) -> Script {
    Script::new(std::iter::once(token()).chain(answers))
}

async fn create(script: Script, fields: &Value, attributes: &Value) -> (Result<Written, WriteError>, Arc<Script>) {
    let script = Arc::new(script);
    let connection = connection(ApiVersion::V2, &script).await;
    let request = CreateEmployee::new(values(fields, attributes), Class::Flow);
    (connection.target().unwrap().create_employee(request).await, script)
}

pub(super) async fn update(
    api: ApiVersion,
    script: Script,
    fields: &Value,
) -> (Result<Written, WriteError>, Arc<Script>) {
    let script = Arc::new(script);
    let connection = connection(api, &script).await;
    let request = UpdateEmployee::new("7", values(fields, &json!({})), Class::Flow);
    (connection.target().unwrap().update_employee(request).await, script)
}

fn ida() -> Value {
    json!({"first_name": "Ida", "last_name": "Blom"})
}

pub(super) fn person(changes: &Value) -> Response {
    let mut person = json!({"id": "7", "first_name": "Ida", "last_name": "Blom", "email": "ida@example.org",
        "custom_attributes": [{"id": "dynamic_9", "type": "string", "value": "L"}], "employments": [{"id": "e-1"}]});
    for (key, value) in changes.as_object().unwrap() {
        person[key] = value.clone();
    }
    answer(200, person.to_string())
}

pub(super) fn employment(changes: &Value) -> Response {
    page(&json!([one_employment(changes)]))
}

/// The employment by itself, as it is read after a change.
pub(super) fn employment_alone(changes: &Value) -> Response {
    answer(200, one_employment(changes).to_string())
}

fn one_employment(changes: &Value) -> Value {
    let mut employment = json!({"id": "e-1", "status": "ACTIVE", "person": {"id": "7"}, "position": {"title": "Clerk"},
        "org_units": [{"type": "TEAM", "id": "45"}, {"type": "department", "id": "40"}, {"type": "guild", "id": "3"}]});
    for (key, value) in changes.as_object().unwrap() {
        employment[key] = value.clone();
    }
    employment
}

pub(super) fn units(of: &[(&str, &str)]) -> Response {
    page(&of.iter().map(|(id, name)| json!({"id": id, "name": name})).collect())
}

pub(super) fn pointers(problems: &[FieldProblem]) -> Vec<&str> {
    problems.iter().map(|problem| problem.pointer.as_str()).collect()
}

#[tokio::test]
async fn a_creation_has_an_employment_with_the_ids_of_its_units() {
    let fields = json!({
        "first_name": "Ida", "last_name": "Blom", "email": "ida@example.org", "gender": "female", "position": "Clerk",
        "department": {"name": "Sales"}, "team": {"name": "East"}, "supervisor": {"id": "12"}, "hire_date": "2026-09-01",
        "weekly_hours": 38.5, "employment_type": "internal",
        "cost_centers": [{"name": "R&D", "percentage": 60}, {"name": "Süd", "percentage": "40"}],
    });
    let (departments, teams) = (units(&[("39", "Support"), ("40", "Sales")]), units(&[("45", "East")]));
    let centers = units(&[("1000", "R&D"), ("1001", "Süd")]);
    let shown = employment(&json!({
        "employment_start_date": "2026-09-01", "weekly_working_hours": 38.5, "supervisor": {"id": "13"},
        "cost_centers": [{"id": "1001", "weight": 40}, {"id": "1000", "weight": 60.0}],
    }));
    let again = [departments.clone(), teams.clone(), centers.clone()];
    let answers =
        [departments, teams, centers, answer(201, r#"{"id":"7"}"#), person(&json!({"gender": "FEMALE"})), shown];
    let (written, script) = create(begun(answers.into_iter().chain(again)), &fields, &json!({"dynamic_9": "L"})).await;
    let written = written.unwrap();
    assert_eq!(
        sent(&script)[1..5],
        [
            "GET /v2/org-units".to_owned(),
            "GET /v2/org-units".to_owned(),
            "GET /v2/cost-centers".to_owned(),
            "POST /v2/persons".to_owned(),
        ]
    );
    assert_eq!(
        sent_body(&script, 4),
        json!({
            "first_name": "Ida", "last_name": "Blom", "email": "ida@example.org", "gender": "FEMALE",
            "custom_attributes": [{"id": "dynamic_9", "value": "L"}],
            "employments": [{
                "position": {"title": "Clerk"}, "supervisor": {"id": "12"}, "employment_start_date": "2026-09-01",
                "weekly_working_hours": 38.5, "type": "INTERNAL",
                "org_units": [{"type": "department", "id": "40"}, {"type": "team", "id": "45"}],
                "cost_centers": [{"id": "1000", "weight": 60}, {"id": "1001", "weight": 40}],
            }],
        })
    );
    assert_eq!(written.external_id, "7");
    assert_eq!(written.ignored().collect::<Vec<_>>(), ["supervisor"]);
    assert_eq!(written.outcomes["employment_type"], Outcome::Unseen, "the vendor does not tell it");
    for kept in ["department", "team", "cost_centers", "gender", "hire_date", "attributes.dynamic_9"] {
        assert_eq!(written.outcomes[kept], Outcome::Kept, "{kept}");
    }
}

#[tokio::test]
async fn a_name_that_is_not_one_unit_is_refused_before_anything_is_sent() {
    let twins = || units(&[("40", "Sales"), ("41", "Sales"), ("42", "Support")]);
    for (wanted, is_one) in [
        (json!({"name": "Sales"}), false),
        (json!({"name": "sales"}), false),
        (json!({"name": "canary"}), false),
        (json!({"name": "Sales", "id": "42"}), false),
        (json!({"name": "Sales", "id": "99"}), false),
        (json!({"name": "Sales", "id": "41"}), true),
        (json!({"name": " Support "}), true),
    ] {
        let answers = begun([twins(), employment(&json!({})), answer(204, "")]);
        let (written, script) = update(ApiVersion::V2, answers, &json!({"department": wanted.clone()})).await;
        let is_sent = sent(&script).iter().any(|call| call.starts_with("PATCH"));
        assert_eq!(is_sent, is_one, "{wanted}: {written:?}");
        if !is_one {
            let Err(WriteError::Invalid(problems)) = written else { panic!("{wanted}: {written:?}") };
            assert_eq!(pointers(&problems), ["/fields/department"], "{wanted}");
            assert!(!format!("{problems:?}").contains("canary"), "{problems:?}");
        }
    }
    let wrong = json!({"department": {"name": "x"}, "cost_centers": [{"name": "A", "percentage": 1}, {"name": "y", "percentage": 2}]});
    let (written, _) = update(ApiVersion::V2, begun([units(&[]), units(&[("1", "A")])]), &wrong).await;
    let Err(WriteError::Invalid(problems)) = written else { panic!("{written:?}") };
    assert_eq!(pointers(&problems), ["/fields/department", "/fields/cost_centers/1"]);
}

#[tokio::test]
async fn lists_of_units_that_cannot_be_read_change_nothing() {
    let endless = |n: u32| {
        let next = format!("https://api.personio.de/v2/legal-entities?cursor={n}");
        let item = json!([{"id": n.to_string(), "name": "x"}]);
        answer(200, json!({"_data": item, "_meta": {"links": {"next": {"href": next}}}}).to_string())
    };
    for (answers, kind) in [
        (vec![problem(403)], ErrorKind::Forbidden),
        (vec![problem(404)], ErrorKind::Forbidden),
        (vec![answer(500, "")], ErrorKind::Unavailable),
        (vec![answer(200, r#"{"_data":{"canary":[1]}}"#)], ErrorKind::Protocol),
        (vec![endless(1), endless(1)], ErrorKind::Protocol),
        ((0..200).map(endless).collect(), ErrorKind::Protocol),
    ] {
        let (written, script) = update(ApiVersion::V2, begun(answers), &json!({"legal_entity": {"name": "Ltd"}})).await;
        match written {
            Err(WriteError::Refused { error, .. }) => assert_eq!(error.kind, kind, "{error:?}"),
            // Something that is no list has no unit of this name.
            Err(WriteError::Invalid(problems)) => assert_eq!(pointers(&problems), ["/fields/legal_entity"]),
            other => panic!("{kind:?}: {other:?}"),
        }
        assert!(sent(&script)[1..].iter().all(|call| call.starts_with("GET")), "{kind:?}");
    }
}

#[tokio::test]
async fn a_change_keeps_the_other_org_units() {
    let answers = begun([
        units(&[("41", "Support")]),
        employment(&json!({})),
        answer(204, ""),
        person(&json!({})),
        employment_alone(&json!({"org_units": [{"type": "department", "id": "41"}]})),
        units(&[("41", "Support")]),
    ]);
    let (written, script) = update(ApiVersion::V2, answers, &json!({"department": {"name": "Support"}})).await;
    assert_eq!(written.unwrap().outcomes["department"], Outcome::Kept);
    assert_eq!(sent(&script)[3], "PATCH /v2/persons/7/employments/e-1");
    let units =
        [("TEAM", "45"), ("guild", "3"), ("department", "41")].map(|(kind, id)| json!({"type": kind, "id": id}));
    assert_eq!(sent_body(&script, 3), json!({ "org_units": units }));

    // What is not shown would be lost.
    let mut hidden = employment(&json!({}));
    let body = String::from_utf8(hidden.body.to_vec()).unwrap().replace("org_units", "other");
    hidden.body = body.into();
    let (refused, script) =
        update(ApiVersion::V2, begun([units_of_support(), hidden]), &json!({"department": {"name": "Support"}})).await;
    assert!(matches!(refused, Err(WriteError::Refused { .. })), "{refused:?}");
    assert_eq!(sent(&script).len(), 3);
}

fn units_of_support() -> Response {
    units(&[("41", "Support")])
}

#[tokio::test]
async fn the_employment_that_was_changed_is_the_one_that_is_looked_at() {
    // It now begins later, so that another one counts.
    let shown = |id: &str| employment_alone(&json!({"id": id, "org_units": [], "employment_start_date": "2030-01-01"}));
    for (answer, outcome) in [
        (shown("e-1"), Outcome::Kept),
        (shown("e-2"), Outcome::Unseen),
        (problem(404), Outcome::Unseen),
        (answer(200, "[]"), Outcome::Unseen),
        (answer(500, ""), Outcome::Unseen),
    ] {
        let answers = begun([employment(&json!({})), answer_204(), person(&json!({})), answer]);
        let (written, script) = update(ApiVersion::V2, answers, &json!({"hire_date": "2030-01-01"})).await;
        assert_eq!(written.unwrap().outcomes["hire_date"], outcome);
        assert_eq!(sent(&script)[4], "GET /v2/persons/7/employments/e-1");
    }
}

fn answer_204() -> Response {
    answer(204, "")
}

#[tokio::test]
async fn a_change_of_both_objects_that_ends_half_way_is_told_as_one() {
    let fields = json!({"last_name": "Neu", "position": "Lead"});
    let shown = || [person(&json!({"last_name": "Neu"})), employment(&json!({"org_units": []}))];
    let values_refused =
        json!({"errors": [{"title": "Bad", "detail": "canary: no such thing", "type": "x#common.bad_request"}]});
    for (end, is_doubt) in
        [(answer(400, values_refused.to_string()), false), (answer(504, ""), true), (answer(429, ""), false)]
    {
        let status = end.status;
        let answers = [employment(&json!({})), answer(204, ""), end].into_iter().chain(shown());
        let (written, script) = update(ApiVersion::V2, begun(answers), &fields).await;
        assert!(!format!("{written:?}").contains("canary"), "{written:?}");
        let Err(WriteError::Partly { written, rest }) = written else { panic!("{status}: {written:?}") };
        let outcomes: Vec<_> = written.outcomes.iter().map(|(name, outcome)| (name.as_str(), *outcome)).collect();
        assert_eq!(outcomes, [("last_name", Outcome::Kept)], "{status}: of what was carried out and nothing else");
        assert_eq!(matches!(*rest, WriteError::Unknown(_)), is_doubt, "{status}: {rest:?}");
        if let WriteError::Refused { error, remarks } = *rest
            && status == 400
        {
            assert_eq!((error.kind, remarks.0), (ErrorKind::ConfigInvalid, vec!["canary: no such thing".to_owned()]));
        }
        assert_eq!(
            sent(&script)[1..4],
            [
                "GET /v2/persons/7/employments".to_owned(),
                "PATCH /v2/persons/7".to_owned(),
                "PATCH /v2/persons/7/employments/e-1".to_owned(),
            ]
        );
    }
    // What was refused first leaves nothing half done.
    let (refused, script) = update(ApiVersion::V2, begun([employment(&json!({})), problem(409)]), &fields).await;
    assert!(matches!(refused, Err(WriteError::Refused { .. })), "{refused:?}");
    assert_eq!(sent(&script).len(), 3);
}

#[tokio::test]
async fn an_employment_that_is_not_there_is_not_changed() {
    for (employments, kind) in [
        (problem(404), ErrorKind::NotFound),
        (page(&json!([])), ErrorKind::ConfigInvalid),
        (page(&json!([{"status": "ACTIVE"}])), ErrorKind::Protocol),
        (page(&json!([{"id": "../x", "status": "ACTIVE"}])), ErrorKind::Protocol),
        (page(&json!([{"id": "e-1", "person": {"id": "8"}}])), ErrorKind::Protocol),
        (page(&json!(["canary"])), ErrorKind::Protocol),
    ] {
        let fields = json!({"position": "Lead", "last_name": "Neu"});
        let (refused, script) = update(ApiVersion::V2, begun([employments]), &fields).await;
        let Err(WriteError::Refused { error, .. }) = refused else { panic!("{kind:?}: {refused:?}") };
        assert_eq!(error.kind, kind, "{error:?}");
        assert_eq!(sent(&script).len(), 2, "{kind:?}");
    }
}

#[tokio::test]
async fn what_was_answered_with_doubt_is_one() {
    for (status, body, is_doubt) in [
        (201, "", true),
        (201, "{}", true),
        (201, r#"{"id":"../7"}"#, true),
        (201, r#"{"id":["7"]}"#, true),
        (201, r#"{"id":"7\u0000"}"#, true),
        (200, "<html>welcome</html>", true),
        (200, r#"{"errors":[{"title":"x"}]}"#, true),
        (202, "", true),
        (302, "", true),
        (308, "", false),
        (408, "", true),
        (500, "", true),
        (502, "<html>", true),
        (409, r#"{"errors":[{"detail":"taken"}]}"#, false),
        (422, "<html>", false),
        (429, "", false),
    ] {
        let (written, script) = create(begun([answer(status, body)]), &ida(), &json!({})).await;
        match written {
            Err(WriteError::Unknown(error)) => {
                assert!(is_doubt && error.retry == Retry::Never, "{status} {body}: {error:?}");
            }
            Err(WriteError::Refused { .. }) => assert!(!is_doubt, "{status} {body}"),
            other => panic!("{status} {body}: {other:?}"),
        }
        assert_eq!(sent(&script).len(), 2, "{status} {body}: once");
    }
    for (kind, is_doubt) in
        [(Port::Connect, false), (Port::TimedOut, true), (Port::Broken, true), (Port::TooLarge, true)]
    {
        let lost = begun([]).then_fails(PortError::new(kind, "/v2/persons", "the test said so"));
        let (written, _) = create(lost, &ida(), &json!({})).await;
        assert_eq!(matches!(written, Err(WriteError::Unknown(_))), is_doubt, "{kind:?}: {written:?}");
    }
    for body in [r#"{"data":{"id":7}}"#, r#"{"_data":{"id":"7"}}"#, r#"{"id":7}"#] {
        let (written, _) = create(begun([answer(201, body)]), &ida(), &json!({})).await;
        let is_named = written.as_ref().is_ok_and(|written| written.external_id == "7");
        assert_eq!(is_named, !body.contains("\"data\""), "{body}: {written:?}");
    }
}

#[tokio::test]
async fn what_version_2_does_not_take_is_refused_with_the_reason() {
    for (field, value) in [
        ("status", json!("active")),
        ("termination_date", json!("2026-09-01")),
        ("picture_url", json!("x")),
        ("shoe_size", json!(44)),
        ("email", Value::Null),
        ("cost_centers", json!([{"name": "A"}])),
        ("cost_centers", json!([{"name": "A", "percentage": 101}])),
        ("cost_centers", json!({"name": "A", "percentage": 1})),
        ("office", json!({"id": " "})),
        ("office", json!({})),
        ("office", json!({"id": 7, "name": "Berlin"})),
        ("employment_type", json!("freelance")),
        ("supervisor", json!({"id": "x"})),
    ] {
        let (refused, script) = update(ApiVersion::V2, begun([]), &json!({field: value})).await;
        let Err(WriteError::Invalid(problems)) = refused else { panic!("{field}: {refused:?}") };
        assert_eq!(pointers(&problems), [format!("/fields/{field}")]);
        assert!(sent(&script).is_empty(), "{field}: nothing was sent");
    }
    let (refused, _) = create(begun([]), &json!({"last_name": "Blom"}), &json!({"shoe": 1})).await;
    let Err(WriteError::Invalid(problems)) = refused else { panic!("{refused:?}") };
    assert_eq!(pointers(&problems), ["/attributes/shoe", "/fields/first_name"]);
}

#[tokio::test]
async fn an_answer_that_repeats_a_secret_is_judged_by_its_status() {
    for (status, is_doubt) in [(201, true), (502, true), (422, false)] {
        let body = json!({"id": "7", "errors": [{"detail": "you sent canary-secret"}]}).to_string();
        let (written, _) = create(begun([answer(status, body)]), &ida(), &json!({})).await;
        assert_eq!(matches!(written, Err(WriteError::Unknown(_))), is_doubt, "{status}: {written:?}");
        if let Err(WriteError::Refused { remarks, .. }) = written {
            assert!(remarks.0.is_empty(), "{remarks:?}");
        }
    }
}

pub(super) fn v1_employee(fields: &Value) -> Response {
    let mut attributes = json!({"id": {"value": 7}});
    for (key, value) in fields.as_object().unwrap() {
        attributes[key] = json!({ "value": value });
    }
    answer(200, json!({"success": true, "data": {"type": "Employee", "attributes": attributes}}).to_string())
}

pub(super) fn v1_changed() -> Response {
    answer(200, json!({"success": true, "data": {"id": 7}, "meta": []}).to_string())
}

#[tokio::test]
async fn an_address_goes_to_version_2_where_it_may_and_the_rest_to_version_1() {
    let fields = json!({"email": "neu@example.org", "position": "Lead", "status": "leave"});
    let by_2 = || [token(), answer(204, ""), person(&json!({"email": "neu@example.org"})), employment(&json!({}))];
    let units_asked = || [units(&[]), units(&[])];
    let shown = v1_employee(&json!({"position": "Lead", "status": "leave"}));
    let answers = by_2().into_iter().chain(units_asked()).chain([vendor::token("b"), v1_changed(), shown]);
    let (written, script) = update(ApiVersion::Auto, Script::new(answers), &fields).await;
    let written = written.unwrap();
    assert_eq!(written.outcomes.len(), 3, "{written:?}");
    assert!(written.outcomes.values().all(|outcome| *outcome == Outcome::Kept), "{written:?}");
    let calls = sent(&script);
    assert_eq!((calls[1].as_str(), calls[7].as_str()), ("PATCH /v2/persons/7", "PATCH /v1/company/employees/7"));
    assert_eq!(sent_body(&script, 1), json!({"email": "neu@example.org"}));
    assert_eq!(sent_body(&script, 7), json!({"employee": {"position": "Lead", "status": "leave"}}));

    // Half of it is told as half of it.
    let answers = by_2().into_iter().chain(units_asked()).chain([vendor::token("b"), refusal(422, 422)]);
    let (written, _) = update(ApiVersion::Auto, Script::new(answers), &fields).await;
    let Err(WriteError::Partly { written, rest }) = written else { panic!("{written:?}") };
    assert_eq!(written.outcomes.keys().collect::<Vec<_>>(), ["email"]);
    assert!(matches!(*rest, WriteError::Refused { .. }), "{rest:?}");

    // Nothing is sent while something is wrong, and version 1 alone says what to do.
    let wrong = json!({"email": "none", "position": 7});
    let (refused, script) = update(ApiVersion::Auto, Script::new([]), &wrong).await;
    let Err(WriteError::Invalid(problems)) = refused else { panic!("{refused:?}") };
    assert_eq!((pointers(&problems), sent(&script).len()), (vec!["/fields/email", "/fields/position"], 0));
    let (refused, _) = update(ApiVersion::V1, Script::new([]), &json!({"email": "neu@example.org"})).await;
    let Err(WriteError::Invalid(problems)) = refused else { panic!("{refused:?}") };
    assert!(problems[0].message.contains("`api`"), "{problems:?}");
}

#[tokio::test]
async fn once_version_1_has_ended_auto_writes_through_version_2() {
    let gone = || refusal(404, 404);
    let ended = || [vendor::token("b"), gone(), gone(), token()];
    let by_2 = [answer(204, ""), person(&json!({"last_name": "Neu"})), employment(&json!({})), units(&[]), units(&[])];
    let answers = ended().into_iter().chain(by_2);
    let (written, script) = update(ApiVersion::Auto, Script::new(answers), &json!({"last_name": "Neu"})).await;
    assert_eq!(written.unwrap().outcomes["last_name"], Outcome::Kept);
    assert_eq!(
        sent(&script)[1..5],
        [
            "PATCH /v1/company/employees/7".to_owned(),
            "GET /v1/company/employees".to_owned(),
            "POST /v2/auth/token".to_owned(),
            "PATCH /v2/persons/7".to_owned(),
        ]
    );
    // An employee who is not there is no end of a version.
    let answers = [vendor::token("b"), gone(), list(&json!([]))];
    let (missing, script) = update(ApiVersion::Auto, Script::new(answers), &json!({"last_name": "Neu"})).await;
    assert!(
        matches!(&missing, Err(WriteError::Refused { error, .. }) if error.kind == ErrorKind::NotFound),
        "{missing:?}"
    );
    assert!(sent(&script).iter().all(|call| !call.contains("/v2/")));
    assert_eq!(script.sent.lock().unwrap()[1].method, Method::Patch);
}
