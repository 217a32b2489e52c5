//! What is sent to write absences and attendances, and what an answer to it means.

use std::sync::Arc;

use chrono::NaiveDate;
use gangway_egress::{Class, Method, Response};
use serde_json::{Value, json};

use super::{
    connection,
    vendor::{Script, answer, list, refusal, token},
    writes::{sent_body, values},
};
use crate::contract::{
    Approval, CreateAbsence, CreateAttendances, DeletePeriod, Deletion, ErrorKind, Outcome, Place, UpdateAttendance,
    Values, WriteError, Written,
};

fn fields(fields: &Value) -> Values {
    values(fields, &json!({}))
}

fn holiday() -> Values {
    fields(&json!({"employee": {"id": "7"}, "type": {"id": "9"}, "starts_on": "2026-09-01", "ends_on": "2026-09-02"}))
}

fn absence(id: &Value) -> Value {
    json!({"type": "TimeOffPeriod", "attributes": {
        "id": id, "start_date": "2026-09-01T00:00:00+0200", "end_date": "2026-09-02T00:00:00+0200", "half_day_start": 0,
        "half_day_end": 1, "time_off_type": {"type": "TimeOffType", "attributes": {"id": 9, "name": "Vacation"}},
        "employee": {"type": "Employee", "attributes": {"id": {"value": 7}}},
    }})
}

async fn create_absence(
    answers: impl IntoIterator<Item = Response>,
    values: Values,
) -> (Result<Written, WriteError>, Arc<Script>) {
    let script = Arc::new(Script::new(answers));
    let connection = connection(script.clone()).await;
    let request = CreateAbsence::new(values, Approval::Ask, Class::Flow);
    (connection.absence_target().unwrap().create_absence(request).await, script)
}

#[tokio::test]
async fn an_absence_is_judged_by_the_one_that_comes_back() {
    let made = answer(200, json!({"success": true, "data": absence(&json!(11))}).to_string());
    let mut wanted = holiday();
    wanted.fields.insert("half_day_end".to_owned(), json!(false));
    wanted.fields.insert("comment".to_owned(), json!("x"));
    let (written, script) = create_absence([token("a"), made], wanted).await;
    let written = written.unwrap();
    assert_eq!(written.external_id, "11");
    assert_eq!((written.outcomes["employee"], written.outcomes["type"]), (Outcome::Kept, Outcome::Kept));
    assert_eq!((written.outcomes["starts_on"], written.outcomes["ends_on"]), (Outcome::Kept, Outcome::Kept));
    assert_eq!((written.outcomes["half_day_end"], written.outcomes["comment"]), (Outcome::Ignored, Outcome::Unseen));
    assert_eq!(
        sent_body(&script, 1),
        json!({
            "employee_id": 7, "time_off_type_id": 9, "start_date": "2026-09-01", "end_date": "2026-09-02",
            "half_day_start": false, "half_day_end": false, "comment": "x", "skip_approval": false,
        })
    );
    assert_eq!(script.sent.lock().unwrap().len(), 2, "nothing is read again");
}

#[tokio::test]
async fn an_accepted_absence_that_is_not_shown_is_a_doubt() {
    for data in [json!({"message": "ok"}), json!([]), absence(&Value::Null), absence(&json!("../7"))] {
        let made = answer(200, json!({"success": true, "data": data}).to_string());
        let (written, _) = create_absence([token("a"), made], holiday()).await;
        assert!(matches!(written, Err(WriteError::Unknown(_))), "{data}: {written:?}");
    }
}

#[tokio::test]
async fn a_refused_absence_names_our_fields() {
    let error =
        json!({"code": 0, "message": "canary", "error_data": {"time_off_type_id": ["canary"], "end_date": ["x"]}});
    let refused = answer(422, json!({"success": false, "error": error}).to_string());
    let (written, _) = create_absence([token("a"), refused], holiday()).await;
    let Err(WriteError::Invalid(problems)) = written else { panic!("{written:?}") };
    let mut pointers: Vec<_> = problems.iter().map(|problem| problem.pointer.as_str()).collect();
    pointers.sort_unstable();
    assert_eq!(pointers, ["/fields/ends_on", "/fields/type"]);
    let (written, _) = create_absence([token("a"), refusal(403, 0)], holiday()).await;
    let Err(WriteError::Refused { error, .. }) = written else { panic!("{written:?}") };
    assert!(error.message.contains("Absences: Write"), "{error}");
}

#[tokio::test]
async fn a_deletion_is_believed_when_the_record_is_gone() {
    let done = || answer(200, json!({"success": true, "data": {"message": "deleted"}}).to_string());
    let shown = || answer(200, json!({"success": true, "data": absence(&json!(11))}).to_string());
    for (after, expected) in [
        // Gone, and the list is empty too, so that a 404 means what it says.
        (vec![refusal(404, 404), list(&json!([]))], Deletion::Gone),
        (vec![shown()], Deletion::StillThere),
        (vec![answer(502, "")], Deletion::Unseen),
    ] {
        let script = Arc::new(Script::new([token("a"), done()].into_iter().chain(after)));
        let connection = connection(script.clone()).await;
        let request = DeletePeriod::new("11", Approval::Skip, Class::Flow);
        let deleted = connection.absence_target().unwrap().delete_absence(request).await.unwrap();
        assert_eq!(deleted, expected);
        let sent = script.sent.lock().unwrap();
        assert_eq!((sent[1].method, sent[1].path.as_str()), (Method::Delete, "/v1/company/time-offs/11"));
    }
}

fn row(employee: u64, starts_at: &str) -> Values {
    let employee = json!({ "id": employee.to_string() });
    fields(&json!({"employee": employee, "date": "2026-09-01", "starts_at": starts_at, "ends_at": "17:00"}))
}

fn shown(id: u64, employee: u64, starts_at: &str) -> Value {
    let attributes =
        json!({"employee": employee, "date": "2026-09-01", "start_time": starts_at, "end_time": "17:00", "break": 0});
    json!({"id": id, "type": "AttendancePeriod", "attributes": attributes})
}

fn ids(ids: &Value) -> Response {
    answer(200, json!({"success": true, "data": {"id": ids, "message": "success"}}).to_string())
}

fn detailed(rows: &Value) -> Response {
    let error = json!({"code": 400, "message": "canary", "detailed_message": rows});
    answer(400, json!({"success": false, "error": error}).to_string())
}

async fn create_rows(
    answers: impl IntoIterator<Item = Response>,
    rows: Vec<Values>,
) -> (Result<Vec<Result<Written, WriteError>>, WriteError>, Arc<Script>) {
    let script = Arc::new(Script::new([token("a")].into_iter().chain(answers)));
    let connection = connection(script.clone()).await;
    let request = CreateAttendances::new(rows, Approval::Skip, Class::Flow);
    (connection.attendance_target().unwrap().create_attendances(request).await, script)
}

/// `kept 5`, `refused` or `doubt`.
fn told(ended: &[Result<Written, WriteError>]) -> Vec<String> {
    let word = |row: &Result<Written, WriteError>| match row {
        Ok(written) => format!("kept {}", written.external_id),
        Err(WriteError::Refused { .. }) => "refused".to_owned(),
        Err(WriteError::Unknown(_)) => "doubt".to_owned(),
        Err(WriteError::Invalid(_)) => "invalid".to_owned(),
        Err(WriteError::Partly { .. }) => "partly".to_owned(),
    };
    ended.iter().map(word).collect()
}

#[tokio::test]
async fn rows_are_sent_together_and_looked_for_once() {
    let rows = vec![row(7, "08:00"), row(8, "09:00")];
    let list = list(&json!([shown(5, 7, "08:00"), shown(6, 8, "09:00"), shown(4, 8, "07:00")]));
    let (ended, script) = create_rows([ids(&json!([5, 6])), list], rows).await;
    let ended = ended.unwrap();
    assert_eq!(told(&ended), ["kept 5", "kept 6"]);
    assert!(ended.iter().flatten().all(|row| row.outcomes.values().all(|outcome| *outcome == Outcome::Kept)));
    assert_eq!(
        sent_body(&script, 1),
        json!({"skip_approval": true, "attendances": [
            {"employee": 7, "date": "2026-09-01", "start_time": "08:00", "end_time": "17:00", "break": 0},
            {"employee": 8, "date": "2026-09-01", "start_time": "09:00", "end_time": "17:00", "break": 0},
        ]})
    );
    let sent = script.sent.lock().unwrap();
    let named =
        |name: &str| sent[2].query.iter().filter(|(key, _)| key == name).map(|(_, it)| it.clone()).collect::<Vec<_>>();
    assert_eq!(
        (named("start_date"), named("employees[]")),
        (vec!["2026-09-01".to_owned()], vec!["7".to_owned(), "8".to_owned()])
    );
}

#[tokio::test]
async fn ids_in_another_order_find_their_rows() {
    let rows = vec![row(7, "08:00"), row(8, "09:00")];
    let list = list(&json!([shown(5, 8, "09:00"), shown(6, 7, "08:00")]));
    let (ended, _) = create_rows([ids(&json!([5, 6])), list], rows).await;
    assert_eq!(told(&ended.unwrap()), ["kept 6", "kept 5"]);
}

#[tokio::test]
async fn what_was_kept_otherwise_is_told_and_one_id_never_stands_for_two_rows() {
    let (ended, _) = create_rows([ids(&json!([5])), list(&json!([shown(5, 7, "08:30")]))], vec![row(7, "08:00")]).await;
    let ended = ended.unwrap();
    assert_eq!(told(&ended), ["kept 5"]);
    let outcomes = &ended[0].as_ref().unwrap().outcomes;
    assert_eq!((outcomes["starts_at"], outcomes["ends_at"]), (Outcome::Ignored, Outcome::Kept));
    // The ids come the other way round, and only one of the two is shown.
    let rows = vec![row(7, "08:00"), row(8, "09:00")];
    let (ended, _) = create_rows([ids(&json!([5, 6])), list(&json!([shown(5, 8, "09:00")]))], rows).await;
    assert_eq!(told(&ended.unwrap()), ["doubt", "kept 5"]);
    // Somebody else's is never ours.
    let (ended, _) = create_rows([ids(&json!([5])), list(&json!([shown(5, 8, "08:00")]))], vec![row(7, "08:00")]).await;
    assert_eq!(told(&ended.unwrap()), ["doubt"]);
}

#[tokio::test]
async fn a_refusal_of_several_rows_that_names_none_is_a_doubt_and_of_one_is_none() {
    let error = json!({"code": 400, "message": "Error when trying to insert Attendances periods rows"});
    let refused = || answer(400, json!({"success": false, "error": error}).to_string());
    let (one, _) = create_rows([refused()], vec![row(7, "08:00")]).await;
    assert!(matches!(one, Err(WriteError::Refused { .. })), "{one:?}");
    for refused in [refused(), answer(400, "")] {
        let (several, _) = create_rows([refused], vec![row(7, "08:00"), row(8, "09:00")]).await;
        assert!(matches!(several, Err(WriteError::Unknown(_))), "{several:?}");
    }
}

#[tokio::test]
async fn attendances_that_ended_are_not_taken_for_deleted() {
    let gone = || refusal(404, 404);
    for (list, kind) in [(gone(), ErrorKind::Unsupported), (list(&json!([])), ErrorKind::NotFound)] {
        let script = Arc::new(Script::new([token("a"), gone(), list]));
        let connection = connection(script).await;
        let request = DeletePeriod::new("5", Approval::Skip, Class::Flow);
        let deleted = connection.attendance_target().unwrap().delete_attendance(request).await;
        assert!(matches!(&deleted, Err(WriteError::Refused { error, .. }) if error.kind == kind), "{deleted:?}");
    }
    let (created, _) = create_rows([gone()], vec![row(7, "08:00")]).await;
    let is_ended = matches!(&created, Err(WriteError::Refused { error, .. }) if error.kind == ErrorKind::Unsupported);
    assert!(is_ended, "{created:?}");
}

#[tokio::test]
async fn only_what_was_seen_before_can_be_seen_to_be_gone() {
    let done = || answer(204, "");
    let day = NaiveDate::from_ymd_opt(2026, 9, 1).unwrap();
    let there = || list(&json!([shown(5, 7, "08:00")]));
    let none = || list(&json!([]));
    let half = answer(200, json!({"success": true, "metadata": {"total_pages": 3}, "data": []}).to_string());
    let other = list(&json!([shown(6, 9, "08:00")]));
    for (before, after, expected) in [
        (there(), none(), Deletion::Gone),
        (there(), there(), Deletion::StillThere),
        (none(), none(), Deletion::Unseen),
        (there(), answer(502, ""), Deletion::Unseen),
        (there(), half, Deletion::Unseen),
        (there(), other, Deletion::Unseen),
        (there(), answer(200, r#"{"success":true,"data":null}"#), Deletion::Unseen),
    ] {
        let script = Arc::new(Script::new([token("a"), before, done(), after]));
        let connection = connection(script).await;
        let place = Some(Place { employee: "7".to_owned(), day });
        let request = DeletePeriod::new("5", Approval::Skip, Class::Flow).at(place);
        let deleted = connection.attendance_target().unwrap().delete_attendance(request).await;
        assert_eq!(deleted.unwrap(), expected);
    }
}

#[tokio::test]
async fn an_answer_without_an_id_for_each_row_is_a_doubt() {
    for named in [json!([5]), json!([5, 5]), json!([5, null]), json!([5, "../6"]), json!({}), Value::Null] {
        let (ended, _) = create_rows([ids(&named)], vec![row(7, "08:00"), row(8, "09:00")]).await;
        assert!(matches!(ended, Err(WriteError::Unknown(_))), "{named}: {ended:?}");
    }
    let (one, _) = create_rows([ids(&json!(5)), list(&json!([]))], vec![row(7, "08:00")]).await;
    assert_eq!(told(&one.unwrap()), ["kept 5"], "one id needs no list");
}

#[tokio::test]
async fn a_row_that_fitted_beside_one_that_did_not_is_looked_for() {
    let rows = || vec![row(7, "08:00"), row(8, "09:00")];
    let overlap = json!({"success": false, "error_msg": "canary: overlaps", "id": null, "employee": 8});
    let both = |first: Value| detailed(&json!([first, overlap]));
    let fitted = || json!({"success": true, "error_msg": null, "id": 5, "employee": "7", "date": "2026-09-01"});
    for (first, look, expected) in [
        (fitted(), list(&json!([shown(5, 7, "08:00")])), "kept 5"),
        // The vendor named an id, and a list made right afterwards may not show it yet.
        (fitted(), list(&json!([])), "doubt"),
        (fitted(), list(&json!([shown(5, 7, "08:30")])), "doubt"),
        (fitted(), list(&json!([shown(5, 8, "08:00")])), "doubt"),
        (json!({"success": 1, "id": 5}), list(&json!([shown(5, 7, "08:00")])), "kept 5"),
        (json!({"id": 5}), list(&json!([shown(5, 7, "08:00")])), "doubt"),
        (json!({"success": false, "id": 5}), list(&json!([])), "doubt"),
        (Value::Null, list(&json!([])), "doubt"),
        (fitted(), answer(502, ""), "doubt"),
        (json!({"success": true, "id": null}), list(&json!([])), "refused"),
        (json!({"success": true, "id": null}), list(&json!([shown(5, 7, "08:00")])), "doubt"),
    ] {
        let (ended, _) = create_rows([both(first.clone()), look], rows()).await;
        let ended = ended.unwrap();
        assert_eq!(told(&ended), [expected, "refused"], "{first}");
        assert!(!format!("{ended:?}").contains("canary"));
        let Err(WriteError::Refused { error, remarks }) = &ended[1] else { panic!() };
        assert_eq!(
            (error.kind, remarks.0.as_slice()),
            (ErrorKind::ConfigInvalid, &["canary: overlaps".to_owned()][..])
        );
    }
    // Nobody knows which row is meant.
    let strange = [json!([overlap]), json!([overlap, overlap]), json!({"0": overlap})];
    for told in strange {
        let (ended, _) = create_rows([detailed(&told)], rows()).await;
        assert!(matches!(ended, Err(WriteError::Unknown(_))), "{told}: {ended:?}");
    }
}

#[tokio::test]
async fn mistakes_of_rows_point_at_the_row() {
    let error =
        json!({"code": 0, "message": "x", "error_data": {"attendances.1.start_time": ["canary"], "attendances.0": []}});
    let refused = answer(422, json!({"success": false, "error": error}).to_string());
    let (ended, _) = create_rows([refused], vec![row(7, "08:00"), row(8, "09:00")]).await;
    let Err(WriteError::Invalid(problems)) = ended else { panic!("{ended:?}") };
    let pointers: Vec<_> = problems.iter().map(|problem| problem.pointer.as_str()).collect();
    assert_eq!(pointers, ["/rows/0", "/rows/1/fields/starts_at"]);

    let crowd = (1..=101).map(|employee| row(employee, "08:00")).collect();
    let (ended, script) = create_rows([], crowd).await;
    assert!(matches!(ended, Err(WriteError::Invalid(_))), "more than 100 employees: {ended:?}");
    let crowd = (0..201).map(|_| row(7, "08:00")).collect();
    assert!(matches!(create_rows([], crowd).await.0, Err(WriteError::Invalid(_))), "more than 200 rows");
    assert!(script.sent.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_moved_attendance_is_looked_for_on_its_new_day() {
    let done = answer(200, json!({"success": true, "data": {"message": "updated"}}).to_string());
    let script = Arc::new(Script::new([token("a"), done, list(&json!([shown(5, 7, "08:00")]))]));
    let connection = connection(script.clone()).await;
    let day = NaiveDate::from_ymd_opt(2026, 8, 30).unwrap();
    let change = fields(&json!({"date": "2026-09-01", "starts_at": "08:30"}));
    let request = UpdateAttendance::new("5", change, Approval::Ask, Class::Flow)
        .at(Some(Place { employee: "7".to_owned(), day }));
    let written = connection.attendance_target().unwrap().update_attendance(request).await.unwrap();
    assert_eq!((written.outcomes["date"], written.outcomes["starts_at"]), (Outcome::Kept, Outcome::Ignored));
    assert_eq!(sent_body(&script, 1), json!({"date": "2026-09-01", "start_time": "08:30", "skip_approval": false}));
    let sent = script.sent.lock().unwrap();
    assert!(sent[2].query.contains(&("start_date".to_owned(), "2026-09-01".to_owned())));
}
