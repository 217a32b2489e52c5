//! Absences and attendances written through version 2: what is sent for days, half days and hours, for work and breaks, and what an
//! answer to it means.

use std::sync::Arc;

use gangway_egress::{Class, Response};
use serde_json::{Value, json};

use super::{
    super::ApiVersion,
    v2::page,
    v2_attendances::{connection, problem},
    v2_writes::{sent, token},
    vendor::{self, Script, answer, list},
    writes::{sent_body, values},
};
use crate::contract::{
    Approval, CreateAbsence, CreateAttendances, DeletePeriod, Deletion, ErrorKind, Outcome, Place, UpdateAttendance,
    WriteError, Written,
};

pub(super) const DAYS: &str = "0b5c2a9e-0002-4a7e-9f00-00000000000d";
pub(super) const HOURS: &str = "0b5c2a9e-0002-4a7e-9f00-0000000000aa";
pub(super) const ID: &str = "0b5c2a9e-0003-4a7e-9f00-000000000001";

pub(super) fn kinds() -> Response {
    page(&json!([{"id": DAYS, "name": "Vacation", "unit": "DAILY"}, {"id": HOURS, "name": "Child", "unit": "HOURLY"}]))
}

pub(super) fn absence(kind: &str, starts_from: &Value, ends_at: &Value) -> Response {
    let absence = json!({"id": ID, "person": {"id": "7"}, "absence_type": {"id": kind}, "starts_from": starts_from,
        "ends_at": ends_at, "comment": "Räume", "approval": {"status": "PENDING"}});
    answer(200, absence.to_string())
}

fn made() -> Response {
    answer(201, json!({"id": ID}).to_string())
}

async fn create(
    approval: Approval,
    fields: &Value,
    answers: impl IntoIterator<Item = Response>,
) -> (Result<Written, WriteError>, Arc<Script>) {
    let script = Arc::new(Script::new([token(), kinds()].into_iter().chain(answers)));
    let connection = connection(ApiVersion::V2, &script).await;
    let request = CreateAbsence::new(values(fields, &json!({})), approval, Class::Flow);
    (connection.absence_target().unwrap().create_absence(request).await, script)
}

fn query(script: &Script, place: usize) -> Vec<(String, String)> {
    script.sent.lock().unwrap()[place].query.clone()
}

#[tokio::test]
async fn an_absence_in_days_ends_at_the_midnight_after_it() {
    let fields = json!({"employee": {"id": "7"}, "type": {"id": DAYS}, "starts_on": "2026-12-30", "ends_on": "2026-12-31",
        "half_day_start": true, "half_day_end": true, "comment": "Räume"});
    let starts = json!({"date_time": "2026-12-30T00:00:00", "type": "SECOND_HALF"});
    let ends = json!({"date_time": "2027-01-01T00:00:00", "type": "FIRST_HALF"});
    let days = page(&json!([]));
    let (written, script) = create(Approval::Ask, &fields, [made(), absence(DAYS, &starts, &ends), days]).await;
    let written = written.unwrap();
    assert_eq!(written.outcomes.len(), 7);
    assert!(written.outcomes.values().all(|outcome| *outcome == Outcome::Kept), "{written:?}");
    let body = json!({"person": {"id": "7"}, "absence_type": {"id": DAYS}, "starts_from": starts, "ends_at": ends, "comment": "Räume"});
    assert_eq!((sent(&script)[2].as_str(), sent_body(&script, 2)), ("POST /v2/absence-periods", body));
    assert_eq!(query(&script, 2), [("skip_approval".to_owned(), "false".to_owned())]);

    // What is not said is a whole day, and holds at once where that is asked for.
    let fields =
        json!({"employee": {"id": "7"}, "type": {"id": DAYS}, "starts_on": "2026-12-30", "ends_on": "2026-12-30"});
    let (_, script) = create(Approval::Skip, &fields, [made()]).await;
    assert_eq!(query(&script, 2), [("skip_approval".to_owned(), "true".to_owned())]);
    let body = sent_body(&script, 2);
    assert_eq!(body["starts_from"], json!({"date_time": "2026-12-30T00:00:00", "type": "FIRST_HALF"}));
    assert_eq!(body["ends_at"], json!({"date_time": "2026-12-31T00:00:00", "type": "SECOND_HALF"}));
}

#[tokio::test]
async fn an_absence_in_hours_has_its_times() {
    let fields = json!({"employee": {"id": "7"}, "type": {"id": HOURS}, "starts_on": "2026-03-02", "starts_at": "08:30",
        "ends_on": "2026-03-02", "ends_at": "12:00"});
    let (starts, ends) = (json!({"date_time": "2026-03-02T08:30:00"}), json!({"date_time": "2026-03-02T12:00:00"}));
    let shown = absence(HOURS, &starts, &json!({"date_time": "2026-03-02T11:00:00"}));
    let (written, script) = create(Approval::Skip, &fields, [made(), shown, page(&json!([]))]).await;
    let written = written.unwrap();
    assert_eq!(
        (sent_body(&script, 2)["starts_from"].clone(), sent_body(&script, 2)["ends_at"].clone()),
        (starts, ends)
    );
    assert_eq!((written.outcomes["starts_at"], written.outcomes["ends_at"]), (Outcome::Kept, Outcome::Ignored));
    assert_eq!(written.outcomes["ends_on"], Outcome::Kept);
}

#[tokio::test]
async fn what_does_not_fit_a_kind_of_absence_is_not_sent() {
    let base = |kind: &str, more: &Value| {
        let mut fields =
            json!({"employee": {"id": "7"}, "type": {"id": kind}, "starts_on": "2026-03-02", "ends_on": "2026-03-02"});
        for (key, value) in more.as_object().unwrap() {
            fields[key] = value.clone();
        }
        fields
    };
    for (kind, more, pointer) in [
        (DAYS, json!({"starts_at": "08:00"}), "/fields/starts_at"),
        (DAYS, json!({"half_day_start": true, "half_day_end": true}), "/fields/half_day_end"),
        (HOURS, json!({}), "/fields/starts_at"),
        (HOURS, json!({"starts_at": "08:00"}), "/fields/ends_at"),
        (HOURS, json!({"starts_at": "08:00", "ends_at": "12:00", "half_day_end": true}), "/fields/half_day_end"),
        (HOURS, json!({"starts_at": "08:00", "ends_at": "08:00"}), "/fields/ends_at"),
        (ID, json!({}), "/fields/type"),
        ("../x", json!({}), "/fields/type"),
        (DAYS, json!({"ends_on": "+262142-12-31"}), "/fields/ends_on"),
    ] {
        let (refused, script) = create(Approval::Skip, &base(kind, &more), []).await;
        let Err(WriteError::Invalid(problems)) = refused else { panic!("{more}: {refused:?}") };
        let pointers: Vec<_> = problems.iter().map(|problem| problem.pointer.as_str()).collect();
        assert_eq!(pointers, [pointer], "{more}");
        assert!(sent(&script).iter().all(|call| !call.starts_with("POST /v2/absence")), "{more}");
    }
}

#[tokio::test]
async fn an_absence_whose_end_is_not_known_must_be_looked_for() {
    let fields =
        json!({"employee": {"id": "7"}, "type": {"id": DAYS}, "starts_on": "2026-03-02", "ends_on": "2026-03-02"});
    let day = json!({"date_time": "2026-03-02T00:00:00", "type": "FIRST_HALF"});
    let mut strangers = absence(DAYS, &day, &day);
    strangers.body = String::from_utf8(strangers.body.to_vec()).unwrap().replace("\"7\"", "\"8\"").into();
    for (answers, is_doubt) in [
        (vec![answer(201, "{}")], true),
        (vec![answer(500, "")], true),
        (vec![answer(200, r#"{"success":true}"#)], true),
        (vec![made(), strangers, page(&json!([]))], true),
        (vec![problem(409)], false),
        (vec![problem(422)], false),
    ] {
        let (written, _) = create(Approval::Skip, &fields, answers).await;
        assert_eq!(matches!(written, Err(WriteError::Unknown(_))), is_doubt, "{written:?}");
        assert_eq!(matches!(written, Err(WriteError::Refused { .. })), !is_doubt, "{written:?}");
    }
    let (unread, _) = create(Approval::Skip, &fields, [made(), answer(500, "")]).await;
    assert!(unread.unwrap().outcomes.values().all(|outcome| *outcome == Outcome::Unseen));
}

fn work(id: &str, changes: &Value) -> Value {
    let mut period = json!({"id": id, "type": "WORK", "person": {"id": "7"}, "approval": {"status": "CONFIRMED"},
        "start": {"date_time": "2026-03-02T08:00:00"}, "end": {"date_time": "2026-03-02T12:00:00"},
        "attribution_date": "2026-03-02", "comment": "x", "project": null});
    for (key, value) in changes.as_object().unwrap() {
        period[key] = value.clone();
    }
    period
}

fn row(starts_at: &str, ends_at: &str) -> Value {
    json!({"employee": {"id": "7"}, "date": "2026-03-02", "starts_at": starts_at, "ends_at": ends_at})
}

async fn create_rows(
    api: ApiVersion,
    rows: &[Value],
    script: Script,
) -> (Result<Vec<Result<Written, WriteError>>, WriteError>, Arc<Script>) {
    let script = Arc::new(script);
    let connection = connection(api, &script).await;
    let rows = rows.iter().map(|fields| values(fields, &json!({}))).collect();
    let request = CreateAttendances::new(rows, Approval::Ask, Class::Flow);
    (connection.attendance_target().unwrap().create_attendances(request).await, script)
}

fn posted(id: &str) -> Response {
    answer(201, json!({"id": id, "affected_periods": []}).to_string())
}

#[tokio::test]
async fn each_row_is_a_period_of_its_own() {
    let mut pause = row("12:00", "12:30");
    pause["kind"] = "break".into();
    let mut night = row("22:00", "06:00");
    night["project"] = json!({"id": "31"});
    let shown =
        page(&json!([work("a-1", &json!({})), work("a-3", &json!({"start": {"date_time": "2026-03-02T21:00:00"}}))]));
    let answers = [token(), posted("a-1"), posted("a-2"), posted("a-3"), shown];
    let rows = [row("08:00", "12:00"), pause, night];
    let (ended, script) = create_rows(ApiVersion::V2, &rows, Script::new(answers)).await;
    let ended: Vec<Written> = ended.unwrap().into_iter().map(Result::unwrap).collect();
    assert_eq!(ended.iter().map(|row| row.external_id.as_str()).collect::<Vec<_>>(), ["a-1", "a-2", "a-3"]);
    assert!(ended[0].outcomes.values().all(|outcome| *outcome == Outcome::Kept), "{ended:?}");
    assert!(ended[1].outcomes.values().all(|outcome| *outcome == Outcome::Unseen), "the list does not show it");
    assert_eq!(ended[2].outcomes["starts_at"], Outcome::Ignored);
    assert_eq!(
        sent_body(&script, 2),
        json!({"person": {"id": "7"}, "type": "BREAK", "start": {"date_time": "2026-03-02T12:00:00"}, "end": {"date_time": "2026-03-02T12:30:00"}})
    );
    assert_eq!(sent_body(&script, 3)["end"], json!({"date_time": "2026-03-03T06:00:00"}), "it ends on the day after");
    assert_eq!(sent_body(&script, 3)["project"], json!({"id": "31"}));
    assert_eq!(query(&script, 1), [("skip_approval".to_owned(), "false".to_owned())]);
    let person = ("person.id".to_owned(), "7".to_owned());
    assert!(query(&script, 4).contains(&person), "{:?}", query(&script, 4));
}

#[tokio::test]
async fn rows_after_a_failure_that_they_share_are_not_sent() {
    let rows = [row("08:00", "09:00"), row("09:00", "10:00"), row("10:00", "11:00")];
    for (end, is_doubt) in [(answer(429, ""), false), (answer(504, ""), true), (answer(201, "{}"), true)] {
        let shown = page(&json!([]));
        let (ended, script) =
            create_rows(ApiVersion::V2, &rows, Script::new([token(), posted("a-1"), end, shown])).await;
        let ended = ended.unwrap();
        assert!(ended[0].is_ok(), "{ended:?}");
        assert_eq!(matches!(ended[1], Err(WriteError::Unknown(_))), is_doubt, "{ended:?}");
        assert!(
            matches!(&ended[2], Err(WriteError::Refused { error, .. }) if error.message.contains("not sent")),
            "{ended:?}"
        );
        assert_eq!(sent(&script).len(), 4, "two rows and a look");
    }
    // One that does not fit is no reason to leave the others out.
    let answers = [token(), problem(422), posted("a-2"), posted("a-3"), page(&json!([]))];
    let ended = create_rows(ApiVersion::V2, &rows, Script::new(answers)).await.0.unwrap();
    assert_eq!(ended.iter().map(Result::is_ok).collect::<Vec<_>>(), [false, true, true]);
    // Nothing at all was kept.
    let refused = create_rows(ApiVersion::V2, &rows, Script::new([token(), problem(403)])).await.0;
    assert!(
        matches!(&refused, Err(WriteError::Refused { error, .. }) if error.kind == ErrorKind::Forbidden),
        "{refused:?}"
    );
    // An id for two rows is nobody's.
    let answers = [token(), posted("a-1"), posted("a-1"), posted("a-3"), page(&json!([]))];
    let ended = create_rows(ApiVersion::V2, &rows, Script::new(answers)).await.0.unwrap();
    assert!(ended[..2].iter().all(|row| matches!(row, Err(WriteError::Unknown(_)))) && ended[2].is_ok(), "{ended:?}");
}

async fn change(
    fields: &Value,
    answers: impl IntoIterator<Item = Response>,
) -> (Result<Written, WriteError>, Arc<Script>) {
    let script = Arc::new(Script::new(std::iter::once(token()).chain(answers)));
    let connection = connection(ApiVersion::V2, &script).await;
    let request = UpdateAttendance::new(ID, values(fields, &json!({})), Approval::Skip, Class::Flow);
    (connection.attendance_target().unwrap().update_attendance(request).await, script)
}

fn one(changes: &Value) -> Response {
    answer(200, work(ID, changes).to_string())
}

#[tokio::test]
async fn a_time_is_completed_by_the_present_day() {
    // The day that it begins on, and not the one that it is counted for.
    let night = json!({"start": {"date_time": "2026-03-03T00:30:00"}, "end": {"date_time": "2026-03-03T02:00:00"}});
    for (fields, body) in [
        (json!({"starts_at": "01:00"}), json!({"start": {"date_time": "2026-03-03T01:00:00"}})),
        (json!({"ends_at": "03:00"}), json!({"end": {"date_time": "2026-03-03T03:00:00"}})),
        (json!({"ends_at": "00:10"}), json!({"end": {"date_time": "2026-03-04T00:10:00"}})),
        (json!({"ends_at": null}), json!({"end": null})),
        (
            json!({"date": "2026-03-05"}),
            json!({"start": {"date_time": "2026-03-05T00:30:00"}, "end": {"date_time": "2026-03-05T02:00:00"}}),
        ),
    ] {
        let (written, script) = change(&fields, [one(&night), answer(204, ""), one(&night)]).await;
        assert!(written.is_ok(), "{fields}: {written:?}");
        assert_eq!(sent_body(&script, 2), body, "{fields}");
    }
    let whole =
        json!({"date": "2026-03-05", "starts_at": "22:00", "ends_at": "01:00", "comment": null, "project": null});
    let (_, script) = change(&whole, [answer(204, "")]).await;
    assert_eq!(
        sent_body(&script, 1),
        json!({"start": {"date_time": "2026-03-05T22:00:00"}, "end": {"date_time": "2026-03-06T01:00:00"}, "comment": null, "project": null})
    );
    for (answers, kind) in [
        (vec![problem(404)], ErrorKind::NotFound),
        (vec![answer(500, "")], ErrorKind::Unavailable),
        (vec![one(&json!({"start": null}))], ErrorKind::Protocol),
        (vec![one(&json!({"id": "other"}))], ErrorKind::Protocol),
    ] {
        let (refused, script) = change(&json!({"starts_at": "01:00"}), answers).await;
        let Err(WriteError::Refused { error, .. }) = refused else { panic!("{kind:?}: {refused:?}") };
        assert_eq!((error.kind, sent(&script).len()), (kind, 2), "{error:?}");
    }
}

#[tokio::test]
async fn a_deleted_period_is_gone_when_it_was_there() {
    for (before, after, end) in [
        (one(&json!({})), problem(404), Deletion::Gone),
        (one(&json!({})), one(&json!({})), Deletion::StillThere),
        (problem(404), problem(404), Deletion::Unseen),
        (one(&json!({})), answer(500, ""), Deletion::Unseen),
    ] {
        let script = Arc::new(Script::new([token(), before, answer(204, ""), after]));
        let connection = connection(ApiVersion::V2, &script).await;
        let request = DeletePeriod::new(ID, Approval::Skip, Class::Flow);
        assert_eq!(connection.attendance_target().unwrap().delete_attendance(request).await.unwrap(), end);
    }
}

#[tokio::test]
async fn auto_writes_a_period_through_the_version_that_its_id_is_of() {
    let delete = async |id: &str, attendances: bool| {
        let script = Arc::new(Script::new([token(), answer(204, "")]));
        let connection = connection(ApiVersion::Auto, &script).await;
        let place = Place { employee: "7".to_owned(), day: "2026-03-02".parse().unwrap() };
        let request = DeletePeriod::new(id, Approval::Skip, Class::Flow).at(Some(place));
        if attendances {
            drop(connection.attendance_target().unwrap().delete_attendance(request).await);
        } else {
            drop(connection.absence_target().unwrap().delete_absence(request).await);
        }
        sent(&script)[0].clone()
    };
    for attendances in [true, false] {
        assert_eq!(delete("12", attendances).await, "POST /v1/auth");
        assert_eq!(delete(ID, attendances).await, "POST /v2/auth/token");
    }
    // New ones go where they are read: through version 2, unless it gives none.
    let rows = [row("08:00", "12:00")];
    let no_grant = answer(400, json!({"error": "invalid_client"}).to_string());
    let created = answer(200, json!({"success": true, "data": {"id": [5]}}).to_string());
    let answers = [no_grant, vendor::token("b"), created, list(&json!([]))];
    let (ended, script) = create_rows(ApiVersion::Auto, &rows, Script::new(answers)).await;
    assert_eq!(ended.unwrap().remove(0).unwrap().external_id, "5");
    assert!(sent(&script).contains(&"POST /v1/company/attendances".to_owned()), "{:?}", sent(&script));
    // A right to write that is missing there is no reason to write records of another kind.
    let answers = [token(), problem(403), page(&json!([]))];
    let (refused, script) = create_rows(ApiVersion::Auto, &rows, Script::new(answers)).await;
    assert!(
        matches!(&refused, Err(WriteError::Refused { error, .. }) if error.kind == ErrorKind::Forbidden),
        "{refused:?}"
    );
    assert!(sent(&script).iter().all(|call| !call.contains("/v1/")));
}
