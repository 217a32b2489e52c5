//! Absences changed through version 2: what is sent of days, halves and times, and what version 1 says.

use std::sync::Arc;

use gangway_egress::{Class, Error as PortError, ErrorKind as Port, Response};
use serde_json::{Value, json};

use super::{
    super::ApiVersion,
    v2::{granted, page},
    v2_attendances::{connection, problem},
    v2_periods::{DAYS, HOURS, ID, absence, kinds},
    v2_writes::{begun, pointers, sent, token},
    vendor::{self, Script, answer, refusal},
    writes::{sent_body, values},
};
use crate::contract::{Approval, ErrorKind, Outcome, UpdateAbsence, WriteError, Written};

/// Two days, of which the last ends at noon.
fn in_days() -> [Response; 3] {
    let starts = json!({"date_time": "2026-03-02T00:00:00", "type": "FIRST_HALF"});
    let ends = json!({"date_time": "2026-03-04T00:00:00", "type": "FIRST_HALF"});
    [absence(DAYS, &starts, &ends), kinds(), page(&json!([]))]
}

fn in_hours(starts: &str, ends: &str) -> [Response; 3] {
    let edge = |at: &str| json!({"date_time": format!("2026-03-{at}:00")});
    [absence(HOURS, &edge(starts), &edge(ends)), kinds(), page(&json!([]))]
}

async fn change_at(
    api: ApiVersion,
    id: &str,
    fields: &Value,
    script: Script,
) -> (Result<Written, WriteError>, Arc<Script>) {
    let script = Arc::new(script);
    let connection = connection(api, &script).await;
    let request = UpdateAbsence::new(id, values(fields, &json!({})), Approval::Ask, Class::Flow);
    (connection.absence_target().unwrap().update_absence(request).await, script)
}

async fn change(
    fields: &Value,
    answers: impl IntoIterator<Item = Response>,
) -> (Result<Written, WriteError>, Arc<Script>) {
    change_at(ApiVersion::V2, ID, fields, begun(answers)).await
}

#[tokio::test]
async fn what_is_not_named_of_an_edge_stays_as_it_is() {
    let first =
        |day: &str, half: &str| json!({"starts_from": {"date_time": format!("2026-03-{day}T00:00:00"), "type": half}});
    let last =
        |day: &str, half: &str| json!({"ends_at": {"date_time": format!("2026-03-{day}T00:00:00"), "type": half}});
    for (fields, body) in [
        (json!({"starts_on": "2026-03-01"}), first("01", "FIRST_HALF")),
        (json!({"half_day_start": true}), first("02", "SECOND_HALF")),
        (json!({"ends_on": "2026-03-09"}), last("10", "FIRST_HALF")),
        (json!({"half_day_end": false}), last("04", "SECOND_HALF")),
    ] {
        let (written, script) = change(&fields, in_days().into_iter().chain([answer(204, "")])).await;
        assert!(written.is_ok(), "{fields}: {written:?}");
        assert_eq!(sent(&script)[4], format!("PATCH /v2/absence-periods/{ID}"));
        assert_eq!(sent_body(&script, 4), body, "{fields}");
        let query = script.sent.lock().unwrap()[4].query.clone();
        assert_eq!(query, [("skip_approval".to_owned(), "false".to_owned())]);
    }
    for (fields, body) in [
        (json!({"starts_at": "09:30"}), json!({"starts_from": {"date_time": "2026-03-02T09:30:00"}})),
        (json!({"ends_at": "16:00"}), json!({"ends_at": {"date_time": "2026-03-02T16:00:00"}})),
        (
            json!({"starts_on": "2026-03-01", "ends_on": "2026-03-01"}),
            json!({"starts_from": {"date_time": "2026-03-01T08:00:00"}, "ends_at": {"date_time": "2026-03-01T12:00:00"}}),
        ),
    ] {
        let answers = in_hours("02T08:00", "02T12:00").into_iter().chain([answer(204, "")]);
        let (written, script) = change(&fields, answers).await;
        assert!(written.is_ok(), "{fields}: {written:?}");
        assert_eq!(sent_body(&script, 4), body, "{fields}");
    }
    // A comment has no edges, so nothing is read before.
    let after = in_days();
    let (written, script) = change(&json!({"comment": "Räume"}), [answer(204, "")].into_iter().chain(after)).await;
    assert_eq!(written.unwrap().outcomes["comment"], Outcome::Kept);
    assert_eq!((sent(&script).len(), sent_body(&script, 1)), (5, json!({"comment": "Räume"})));
}

#[tokio::test]
async fn a_value_that_was_accepted_and_not_kept_is_told() {
    let answers = in_days().into_iter().chain([answer(204, "")]).chain(in_days().into_iter().filter({
        let mut n = 0;
        move |_| {
            n += 1;
            n != 2
        }
    }));
    let (written, _) = change(&json!({"ends_on": "2026-03-09", "half_day_end": true}), answers).await;
    let written = written.unwrap();
    assert_eq!((written.external_id.as_str(), written.outcomes["ends_on"]), (ID, Outcome::Ignored));
    assert_eq!(written.outcomes["half_day_end"], Outcome::Kept);
}

#[tokio::test]
async fn what_does_not_fit_is_refused_with_its_place() {
    for (fields, pointer) in [
        (json!({}), ""),
        (json!({"employee": {"id": "8"}}), "/fields/employee"),
        (json!({"type": {"id": HOURS}}), "/fields/type"),
        (json!({"status": "approved"}), "/fields/status"),
        (json!({"starts_on": "01.03.2026"}), "/fields/starts_on"),
        (json!({"ends_on": null}), "/fields/ends_on"),
        (json!({"shoe_size": 44}), "/fields/shoe_size"),
    ] {
        let (refused, script) = change(&fields, []).await;
        let Err(WriteError::Invalid(problems)) = refused else { panic!("{fields}: {refused:?}") };
        assert_eq!((pointers(&problems), sent(&script).len()), (vec![pointer], 0), "{fields}");
    }
    let open = |kind: &str| {
        [absence(kind, &json!({"date_time": "2026-03-02T00:00:00", "type": "FIRST_HALF"}), &Value::Null), kinds()]
    };
    for (fields, present, pointer) in [
        (json!({"starts_at": "08:00"}), in_days().to_vec(), "/fields/starts_at"),
        (json!({"ends_on": "2026-03-01"}), in_days().to_vec(), "/fields/ends_on"),
        (json!({"ends_on": "2026-03-02", "half_day_start": true}), in_days().to_vec(), "/fields/half_day_end"),
        (json!({"half_day_start": true}), in_hours("02T08:00", "02T12:00").to_vec(), "/fields/half_day_start"),
        (json!({"ends_at": "07:00"}), in_hours("02T08:00", "02T12:00").to_vec(), "/fields/ends_at"),
        (json!({"ends_on": "2026-03-05"}), in_hours("02T08:00", "03T00:00").to_vec(), "/fields/ends_at"),
        (json!({"half_day_end": true}), open(DAYS).to_vec(), "/fields/ends_on"),
    ] {
        let (refused, script) = change(&fields, present).await;
        let Err(WriteError::Invalid(problems)) = refused else { panic!("{fields}: {refused:?}") };
        assert_eq!(pointers(&problems), [pointer], "{fields}");
        assert!(sent(&script).iter().all(|call| !call.starts_with("PATCH")), "{fields}");
    }
    let answers = open(DAYS).into_iter().chain([answer(204, "")]);
    let (written, script) = change(&json!({"starts_on": "2026-03-01"}), answers).await;
    assert!(written.is_ok(), "one without an end may begin earlier: {written:?}");
    assert_eq!(
        sent_body(&script, 3),
        json!({"starts_from": {"date_time": "2026-03-01T00:00:00", "type": "FIRST_HALF"}})
    );
}

#[tokio::test]
async fn an_answer_says_whether_it_was_changed() {
    let comment = json!({"comment": "x"});
    let without = granted("a", "personio:absences:read");
    let (refused, _) = change_at(ApiVersion::V2, ID, &comment, Script::new([without, problem(403)])).await;
    let Err(WriteError::Refused { error, .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(error.kind, ErrorKind::Forbidden);
    assert!(error.message.contains("personio:absences:write") && error.message.contains("Absences: Write"));
    let said = json!({"errors": [{"detail": "canary: overlaps", "type": "about:blank"}]}).to_string();
    for (answer, kind) in [
        (problem(404), ErrorKind::NotFound),
        (answer(409, said.clone()), ErrorKind::ConfigInvalid),
        (answer(422, said), ErrorKind::ConfigInvalid),
        (answer(429, ""), ErrorKind::RateLimited),
    ] {
        let is_told = kind == ErrorKind::ConfigInvalid;
        let (refused, _) = change(&comment, [answer]).await;
        assert!(!format!("{refused:?}").contains("canary:"), "{refused:?}");
        let Err(WriteError::Refused { error, remarks }) = refused else { panic!("{kind:?}: {refused:?}") };
        assert_eq!((error.kind, remarks.0.contains(&"canary: overlaps".to_owned())), (kind, is_told));
    }
    let lost = begun([]).then_fails(PortError::new(Port::Broken, "/v2/absence-periods", "the test said so"));
    let (doubt, script) = change_at(ApiVersion::V2, ID, &comment, lost).await;
    assert!(matches!(doubt, Err(WriteError::Unknown(_))), "{doubt:?}");
    assert_eq!(sent(&script).len(), 2, "once");
    let (doubt, _) = change(&comment, [answer(504, "")]).await;
    assert!(matches!(doubt, Err(WriteError::Unknown(_))), "{doubt:?}");
    for (present, kind) in [(problem(404), ErrorKind::NotFound), (answer(500, ""), ErrorKind::Unavailable)] {
        let (refused, script) = change(&json!({"starts_on": "2026-03-01"}), [present]).await;
        let Err(WriteError::Refused { error, .. }) = refused else { panic!("{kind:?}: {refused:?}") };
        assert_eq!((error.kind, sent(&script).len()), (kind, 2));
    }
}

fn of_v1(more: &Value) -> Response {
    let mut attributes = json!({"id": 12, "start_date": "2026-03-02", "end_date": "2026-03-03"});
    attributes.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    answer(200, json!({"success": true, "data": {"type": "TimeOffPeriod", "attributes": attributes}}).to_string())
}

#[tokio::test]
async fn auto_changes_an_absence_of_version_1_under_the_id_that_version_2_knows() {
    let comment = json!({"comment": "Räume"});
    let answers = [vendor::token("b"), of_v1(&json!({"id_v2": ID})), token(), answer(204, "")];
    let (written, script) =
        change_at(ApiVersion::Auto, "12", &comment, Script::new(answers.into_iter().chain(in_days()))).await;
    let written = written.unwrap();
    assert_eq!((written.external_id.as_str(), written.outcomes["comment"]), ("12", Outcome::Kept));
    assert_eq!(sent(&script)[1], "GET /v1/company/time-offs/12");
    assert_eq!(sent(&script)[3], format!("PATCH /v2/absence-periods/{ID}"));

    let (refused, script) =
        change_at(ApiVersion::Auto, "12", &comment, Script::new([vendor::token("b"), of_v1(&json!({}))])).await;
    assert!(matches!(&refused, Err(WriteError::Refused { error, .. }) if error.kind == ErrorKind::Unsupported));
    assert!(sent(&script).iter().all(|call| call.contains("/v1/")), "{refused:?}");
    let missing = [vendor::token("b"), refusal(404, 404), vendor::list(&json!([]))];
    let (missing, _) = change_at(ApiVersion::Auto, "12", &comment, Script::new(missing)).await;
    assert!(matches!(&missing, Err(WriteError::Refused { error, .. }) if error.kind == ErrorKind::NotFound));
    let (refused, script) = change_at(ApiVersion::Auto, "12", &json!({"type": {"id": "3"}}), Script::default()).await;
    let Err(WriteError::Invalid(problems)) = refused else { panic!("{refused:?}") };
    assert_eq!((pointers(&problems), sent(&script).len()), (vec!["/fields/type"], 0));
}

#[tokio::test]
async fn version_1_alone_says_that_it_changes_none() {
    for fields in [json!({"comment": "x"}), json!({"starts_on": "2026-03-01"})] {
        let (refused, script) = change_at(ApiVersion::V1, "12", &fields, Script::default()).await;
        let Err(WriteError::Invalid(problems)) = refused else { panic!("{refused:?}") };
        assert!(problems[0].message.starts_with("version 1 of Personio's API"), "{problems:?}");
        assert!(sent(&script).is_empty());
    }
    let (refused, _) = change_at(ApiVersion::V1, "12", &json!({}), Script::default()).await;
    assert!(matches!(&refused, Err(WriteError::Refused { error, .. }) if error.kind == ErrorKind::Unsupported));
}
