//! Writing attendances: each row ends on its own, and what became of it is what the account has.

use chrono::{Days, NaiveDate};
use gangway_connector::{
    Approval, AttendanceTarget, CreateAttendances, DeletePeriod, Deletion, ErrorKind, Outcome, Place, UpdateAttendance,
    Values, WriteError, Written,
};
use gangway_domain::record::Stream;
use gangway_egress::Class;
use serde_json::{Value, json};

use super::{
    Harness,
    account::{Expected, Failure, Size},
    subject::Subject,
};

const STREAM: Stream = Stream::Attendances;

pub(super) async fn run(harness: &Harness) {
    every_row_has_what_was_written(harness).await;
    a_moved_attendance_is_where_it_was_moved_to(harness).await;
    a_break_is_one_where_breaks_are_kept_apart(harness).await;
    rows_end_one_by_one(harness).await;
    a_change_changes_what_it_names(harness).await;
    what_cannot_be_written_is_not_sent(harness).await;
    a_refusal_changes_nothing(harness).await;
    a_failing_vendor_leaves_a_doubt(harness).await;
    a_deletion_deletes_one(harness).await;
}

impl Subject {
    fn attendances(&self) -> &dyn AttendanceTarget {
        self.connection.attendance_target().expect("the connection can write attendances")
    }

    async fn create_rows(&self, rows: Vec<Values>) -> Result<Vec<Result<Written, WriteError>>, WriteError> {
        self.attendances().create_attendances(CreateAttendances::new(rows, Approval::Skip, Class::Flow)).await
    }

    async fn change_attendance(&self, one: &Expected, change: &Value) -> Result<Written, WriteError> {
        let request = UpdateAttendance::new(&one.id, super::values(change), Approval::Skip, Class::Flow);
        self.attendances().update_attendance(request.at(place(one))).await
    }

    /// Attendances of one person on a day on which nobody has any yet.
    fn row(&self, starts_at: &str, ends_at: &str) -> Values {
        let employees = self.account.records(Stream::Employees);
        let id = employees.first().map(|one| one.id.clone()).expect("the account has people");
        let day = self.account.window().to - Days::new(20);
        let mut values = super::values(&json!({
            "employee": { "id": id }, "date": day, "starts_at": starts_at, "ends_at": ends_at, "comment": "Räume „Süd“",
        }));
        if self.counts_breaks() {
            values.fields.insert("break_minutes".to_owned(), 15.into());
        }
        values
    }

    /// Whether an attendance has the minutes of its break, where others keep breaks apart.
    fn counts_breaks(&self) -> bool {
        self.attendances().attendance_fields(None).iter().any(|known| known.field == "break_minutes" && known.on_create)
    }

    /// The attendances that are work.
    fn work(&self) -> Vec<Expected> {
        let is_work = |one: &Expected| one.fields.get("kind").is_none_or(|kind| kind == "work");
        self.account.records(STREAM).into_iter().filter(is_work).collect()
    }

    fn attendance(&self, id: &str) -> Option<Expected> {
        self.account.records(STREAM).into_iter().find(|one| one.id == id)
    }
}

fn place(one: &Expected) -> Option<Place> {
    let day: NaiveDate = one.fields.get("date")?.as_str()?.parse().ok()?;
    Some(Place { employee: one.employee.clone()?, day })
}

async fn every_row_has_what_was_written(harness: &Harness) {
    let subject = Subject::start(harness, Size::SMALL).await;
    let n_before = subject.account.records(STREAM).len();
    let mut open = subject.row("17:00", "18:00");
    open.fields.remove("ends_at");
    open.fields.remove("break_minutes");
    let rows = vec![subject.row("08:00", "12:00"), subject.row("13:00", "16:45"), open];
    let written = subject.create_rows(rows.clone()).await;
    let written = written.unwrap_or_else(|error| panic!("{}: {error:?}", subject.name));
    assert_eq!(written.len(), rows.len(), "{}", subject.name);
    for (values, row) in rows.iter().zip(written) {
        let row = row.unwrap_or_else(|error| panic!("{}: {error:?}", subject.name));
        assert_eq!(row.outcomes.len(), values.fields.len(), "{}: {row:?}", subject.name);
        assert!(row.outcomes.values().all(|outcome| *outcome == Outcome::Kept), "{}: {row:?}", subject.name);
        let there = subject.attendance(&row.external_id).expect("it is there");
        for field in ["date", "starts_at", "ends_at", "comment"] {
            let written = values.fields.get(field).unwrap_or(&Value::Null);
            assert_eq!(there.fields.get(field), Some(written), "{}: {field}", subject.name);
        }
    }
    assert_eq!(subject.account.records(STREAM).len(), n_before + rows.len(), "{}: each once", subject.name);
}

async fn a_moved_attendance_is_where_it_was_moved_to(harness: &Harness) {
    let subject = Subject::start(harness, Size::SMALL).await;
    let rows = vec![subject.row("08:00", "12:00")];
    let mut written = subject.create_rows(rows).await.unwrap_or_else(|error| panic!("{}: {error:?}", subject.name));
    let made = written.remove(0).unwrap_or_else(|error| panic!("{}: {error:?}", subject.name));
    let there = subject.attendance(&made.external_id).expect("it is there");
    let day = subject.account.window().to - Days::new(10);
    for change in [
        json!({ "starts_at": "09:15" }),
        json!({ "date": day }),
        json!({ "ends_at": "13:30" }),
        json!({ "date": day + Days::new(1), "starts_at": "22:00", "ends_at": "02:00" }),
    ] {
        let one = subject.attendance(&there.id).expect("it is there");
        let moved = subject.change_attendance(&one, &change).await;
        let moved = moved.unwrap_or_else(|error| panic!("{}: {change}: {error:?}", subject.name));
        let kept = moved.outcomes.values().all(|outcome| *outcome == Outcome::Kept);
        assert!(kept, "{}: {change}: {moved:?}", subject.name);
        let mut expected = one.fields.clone();
        expected.extend(super::values(&change).fields);
        let now = subject.attendance(&there.id).expect("it is there").fields;
        for field in ["date", "starts_at", "ends_at"] {
            assert_eq!(now.get(field), expected.get(field), "{}: {change}: {field}", subject.name);
        }
    }
}

async fn a_break_is_one_where_breaks_are_kept_apart(harness: &Harness) {
    let subject = Subject::start(harness, Size::SMALL).await;
    if subject.counts_breaks() {
        return;
    }
    let mut pause = subject.row("12:00", "12:30");
    pause.fields.remove("comment");
    pause.fields.insert("kind".to_owned(), "break".into());
    let rows = vec![subject.row("08:00", "12:00"), pause];
    let written = subject.create_rows(rows).await.unwrap_or_else(|error| panic!("{}: {error:?}", subject.name));
    for (row, kind) in written.into_iter().zip(["work", "break"]) {
        let row = row.unwrap_or_else(|error| panic!("{}: {error:?}", subject.name));
        assert!(row.outcomes.values().all(|outcome| *outcome == Outcome::Kept), "{}: {row:?}", subject.name);
        let there = subject.attendance(&row.external_id).expect("it is there");
        assert_eq!(there.fields.get("kind"), Some(&json!(kind)), "{}", subject.name);
    }
    let mut minutes = subject.row("08:00", "12:00");
    minutes.fields.insert("break_minutes".to_owned(), 15.into());
    let refused = subject.create_rows(vec![minutes]).await;
    assert!(matches!(refused, Err(WriteError::Invalid(_))), "{}: {refused:?}", subject.name);
}

async fn rows_end_one_by_one(harness: &Harness) {
    let subject = Subject::start(harness, Size::SMALL).await;
    let n_before = subject.account.records(STREAM).len();
    let mut stranger = subject.row("08:00", "12:00");
    stranger.fields.insert("employee".to_owned(), json!({ "id": "987654321" }));
    let rows = vec![subject.row("08:00", "12:00"), subject.row("11:00", "13:00"), stranger];
    let ended = subject.create_rows(rows).await.unwrap_or_else(|error| panic!("{}: {error:?}", subject.name));
    let [first, overlapping, unknown] = ended.as_slice() else { panic!("{}: {ended:?}", subject.name) };
    for refused in [overlapping, unknown] {
        let is_refused = matches!(refused, Err(WriteError::Refused { remarks, .. }) if !remarks.0.is_empty());
        assert!(is_refused, "{}: {refused:?}", subject.name);
    }
    // Whether a good row is kept beside bad ones is the vendor's to say, and ours to tell.
    let n_kept = match first {
        Ok(written) => {
            assert!(subject.attendance(&written.external_id).is_some(), "{}: {written:?}", subject.name);
            1
        }
        Err(WriteError::Refused { .. }) => 0,
        Err(other) => panic!("{}: {other:?}", subject.name),
    };
    assert_eq!(subject.account.records(STREAM).len(), n_before + n_kept, "{}", subject.name);
}

async fn a_change_changes_what_it_names(harness: &Harness) {
    let subject = Subject::start(harness, Size::SMALL).await;
    let before = subject.account.records(STREAM);
    let one = &subject.work().into_iter().nth(2).expect("the account has as many");
    let change = if subject.counts_breaks() {
        json!({ "comment": "verschoben", "project": null, "break_minutes": 7 })
    } else {
        json!({ "comment": "verschoben", "project": null })
    };
    let n_values = change.as_object().map_or(0, serde_json::Map::len);
    let written = subject.change_attendance(one, &change).await;
    let written = written.unwrap_or_else(|error| panic!("{}: {error:?}", subject.name));
    assert_eq!((written.external_id.as_str(), written.outcomes.len()), (one.id.as_str(), n_values), "{}", subject.name);
    assert!(written.outcomes.values().all(|outcome| *outcome == Outcome::Kept), "{}: {written:?}", subject.name);
    for (before, after) in before.iter().zip(subject.account.records(STREAM)) {
        if before.id != one.id {
            // What is counted to the same shift shares what it is for, and when it changed.
            if before.employee != one.employee || before.days != one.days {
                assert_eq!(before.fields, after.fields, "{}: nothing else changed", subject.name);
            }
            continue;
        }
        assert_eq!(after.fields.get("comment"), Some(&json!("verschoben")), "{}", subject.name);
        if subject.counts_breaks() {
            let minutes = after.fields.get("break_minutes").map(Value::to_string);
            assert_eq!(minutes.as_deref(), Some("7"), "{}", subject.name);
        }
        for field in ["date", "starts_at", "ends_at"] {
            assert_eq!(before.fields.get(field), after.fields.get(field), "{}: {field}", subject.name);
        }
    }
    // Without its place it is seen only where a single one can be asked for.
    let request = UpdateAttendance::new(&one.id, super::values(&change), Approval::Skip, Class::Flow);
    let unseen = subject.attendances().update_attendance(request).await;
    let unseen = unseen.unwrap_or_else(|error| panic!("{}: {error:?}", subject.name));
    assert!(unseen.outcomes.values().all(|outcome| *outcome != Outcome::Ignored), "{}: {unseen:?}", subject.name);
}

async fn what_cannot_be_written_is_not_sent(harness: &Harness) {
    let subject = Subject::start(harness, Size::SMALL).await;
    let one = subject.work().first().cloned().expect("the account has attendances");
    let before = subject.account.traffic().total;
    let known = subject.attendances().attendance_fields(None);
    for field in known.iter().filter(|field| !field.on_update) {
        let Err(WriteError::Invalid(problems)) = subject.change_attendance(&one, &json!({ field.field: "x" })).await
        else {
            panic!("{}: {} is said not to be written", subject.name, field.field);
        };
        let told = problems.first().map(|problem| (problem.pointer.as_str(), problem.message.as_str()));
        assert_eq!(told, Some((format!("/fields/{}", field.field).as_str(), field.reason)), "{}", subject.name);
    }
    for wrong in [
        json!({}),
        json!({ "starts_at": "9:00" }),
        json!({ "ends_at": "25:00" }),
        json!({ "date": null }),
        json!({ "break_minutes": -1 }),
        json!({ "project": { "id": "x" } }),
        json!({ "shoe_size": 44 }),
    ] {
        let refused = subject.change_attendance(&one, &wrong).await;
        assert!(matches!(refused, Err(WriteError::Invalid(_))), "{}: {wrong}: {refused:?}", subject.name);
    }
    let mut incomplete = subject.row("08:00", "12:00");
    incomplete.fields.remove("date");
    let rows = vec![subject.row("13:00", "14:00"), incomplete];
    let Err(WriteError::Invalid(problems)) = subject.create_rows(rows).await else { panic!("{}", subject.name) };
    let pointers: Vec<_> = problems.iter().map(|problem| problem.pointer.as_str()).collect();
    assert_eq!(pointers, ["/rows/1/fields/date"], "{}", subject.name);
    let none = subject.create_rows(Vec::new()).await;
    assert!(matches!(none, Err(WriteError::Invalid(_))), "{}: {none:?}", subject.name);
    assert_eq!(subject.account.traffic().total, before, "{}: nothing was sent", subject.name);
}

async fn a_refusal_changes_nothing(harness: &Harness) {
    let subject = Subject::start(harness, Size::SMALL).await;
    let before = subject.account.records(STREAM);
    let nobody = Expected { id: "987654321".to_owned(), ..before.first().cloned().expect("there are some") };
    let unknown = subject.change_attendance(&nobody, &json!({ "comment": "x" })).await;
    let is_unknown = matches!(&unknown, Err(WriteError::Refused { error, .. }) if error.kind == ErrorKind::NotFound);
    assert!(is_unknown, "{}: {unknown:?}", subject.name);
    subject.account.forbid_writes();
    let forbidden = subject.create_rows(vec![subject.row("08:00", "12:00")]).await;
    let is_forbidden =
        matches!(&forbidden, Err(WriteError::Refused { error, .. }) if error.kind == ErrorKind::Forbidden);
    assert!(is_forbidden, "{}: {forbidden:?}", subject.name);
    assert_eq!(subject.account.records(STREAM), before, "{}: nothing changed", subject.name);
}

async fn a_failing_vendor_leaves_a_doubt(harness: &Harness) {
    let subject = Subject::start(harness, Size::SMALL).await;
    for (status, body) in
        [(500, ""), (502, "<html>busy</html>"), (200, ""), (200, r#"{"success":true,"data":{"id":[]}}"#)]
    {
        subject.account.fail_next(STREAM, &Failure { status, body, retry_after_s: None });
        let doubtful = subject.create_rows(vec![subject.row("08:00", "12:00")]).await;
        assert!(matches!(doubtful, Err(WriteError::Unknown(_))), "{}: {status}: {doubtful:?}", subject.name);
    }
    let (n_before, n_sent) = (subject.account.records(STREAM).len(), subject.account.traffic().total);
    subject.account.cut_next_creation(STREAM);
    let doubtful = subject.create_rows(vec![subject.row("08:00", "12:00")]).await;
    assert!(matches!(doubtful, Err(WriteError::Unknown(_))), "{}: {doubtful:?}", subject.name);
    assert_eq!(subject.account.records(STREAM).len(), n_before + 1, "{}: it was carried out, once", subject.name);
    assert_eq!(subject.account.traffic().total, n_sent + 1, "{}: and not sent again", subject.name);
}

async fn a_deletion_deletes_one(harness: &Harness) {
    let subject = Subject::start(harness, Size::SMALL).await;
    let before = subject.account.records(STREAM);
    let one = &subject.work().into_iter().nth(1).expect("the account has as many");
    let delete = |place| {
        let request = DeletePeriod::new(&one.id, Approval::Skip, Class::Flow).at(place);
        subject.attendances().delete_attendance(request)
    };
    let deleted = delete(place(one)).await;
    assert!(matches!(deleted, Ok(Deletion::Gone)), "{}: {deleted:?}", subject.name);
    assert_eq!(subject.account.records(STREAM).len(), before.len() - 1, "{}: nothing else", subject.name);
    assert!(subject.attendance(&one.id).is_none(), "{}", subject.name);
    let again = delete(None).await;
    let is_unknown = matches!(&again, Err(WriteError::Refused { error, .. }) if error.kind == ErrorKind::NotFound);
    assert!(is_unknown, "{}: {again:?}", subject.name);
}
