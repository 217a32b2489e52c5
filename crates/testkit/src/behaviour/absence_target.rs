//! Writing absences: what is accepted is there as it was meant, what is refused is not, and a doubt is said to be one.

use chrono::{Days, NaiveDate};
use gangway_connector::{
    AbsenceTarget, Approval, CreateAbsence, DeletePeriod, Deletion, ErrorKind, Outcome, UpdateAbsence, Values,
    WriteError, Written,
};
use gangway_domain::record::Stream;
use gangway_egress::Class;
use serde_json::{Value, json};

use super::{
    Harness,
    account::{Expected, Failure, Size},
    subject::Subject,
};

const STREAM: Stream = Stream::Absences;

pub(super) async fn run(harness: &Harness) {
    a_new_absence_has_what_was_written(harness).await;
    a_change_changes_what_it_names_or_is_said_not_to(harness).await;
    what_waits_for_approval_is_not_approved(harness).await;
    what_cannot_be_written_is_not_sent(harness).await;
    a_refusal_changes_nothing(harness).await;
    a_failing_vendor_leaves_a_doubt(harness).await;
    a_deletion_deletes_one(harness).await;
}

impl Subject {
    fn absences(&self) -> &dyn AbsenceTarget {
        self.connection.absence_target().expect("the connection can write absences")
    }

    async fn create_absence(&self, values: Values, approval: Approval) -> Result<Written, WriteError> {
        self.absences().create_absence(CreateAbsence::new(values, approval, Class::Flow)).await
    }

    async fn delete_absence(&self, id: &str) -> Result<Deletion, WriteError> {
        self.absences().delete_absence(DeletePeriod::new(id, Approval::Skip, Class::Flow)).await
    }

    /// A day on which nobody has anything yet, a Monday or later.
    fn free_day(&self) -> NaiveDate {
        use chrono::Datelike as _;

        let day = self.account.window().to - Days::new(30);
        day - Days::new(u64::from(day.weekday().num_days_from_monday()))
    }

    fn wanted_absence(&self) -> Values {
        let known = self.account.records(STREAM);
        // Of a kind that is counted in days, where the account has others: those in hours have no halves.
        let is_in_days = |one: &&Expected| one.fields.get("half_day_start").is_some_and(Value::is_boolean);
        let some = known.iter().find(is_in_days).expect("the account has absences");
        let id = |field: &str| json!({ "id": some.fields.get(field).and_then(|field| field.get("id")) });
        let day = self.free_day();
        super::values(&json!({
            "employee": id("employee"), "type": id("type"), "starts_on": day, "ends_on": day + Days::new(2),
            "half_day_start": true, "comment": "Räume „Süd“",
        }))
    }

    fn absence(&self, id: &str) -> Option<Expected> {
        self.account.records(STREAM).into_iter().find(|one| one.id == id)
    }
}

async fn a_new_absence_has_what_was_written(harness: &Harness) {
    let subject = Subject::start(harness, Size::SMALL).await;
    let n_before = subject.account.records(STREAM).len();
    let values = subject.wanted_absence();
    let written = subject.create_absence(values.clone(), Approval::Skip).await;
    let written = written.unwrap_or_else(|error| panic!("{}: {error:?}", subject.name));
    assert_eq!(written.outcomes.len(), values.fields.len(), "{}: {written:?}", subject.name);
    assert!(written.outcomes.values().all(|outcome| *outcome == Outcome::Kept), "{}: {written:?}", subject.name);
    assert_eq!(subject.account.records(STREAM).len(), n_before + 1, "{}: one more, once", subject.name);
    let there = subject.absence(&written.external_id).expect("it is there");
    for field in ["starts_on", "ends_on", "half_day_start", "comment"] {
        assert_eq!(there.fields.get(field), values.fields.get(field), "{}: {field}", subject.name);
    }
    assert_eq!(there.fields.get("half_day_end"), Some(&json!(false)), "{}: what is not said", subject.name);
    assert_eq!(there.fields.get("status"), Some(&json!("approved")), "{}", subject.name);
    for field in ["employee", "type"] {
        let id = |fields: &gangway_domain::record::Fields| fields.get(field).and_then(|value| value.get("id")).cloned();
        assert_eq!(id(&there.fields), id(&values.fields), "{}: {field}", subject.name);
    }
}

async fn a_change_changes_what_it_names_or_is_said_not_to(harness: &Harness) {
    let subject = Subject::start(harness, Size::SMALL).await;
    let made = subject.create_absence(subject.wanted_absence(), Approval::Skip).await;
    let id = made.unwrap_or_else(|error| panic!("{}: {error:?}", subject.name)).external_id;
    let before = subject.account.records(STREAM);
    let change = super::values(&json!({ "ends_on": subject.free_day() + Days::new(3), "half_day_start": false }));
    let may = subject.absences().absence_fields(None).iter().any(|known| known.field == "ends_on" && known.on_update);
    let request = UpdateAbsence::new(&id, change.clone(), Approval::Skip, Class::Flow);
    match subject.absences().update_absence(request).await {
        Ok(written) if may => {
            assert_eq!((&written.external_id, written.outcomes.len()), (&id, 2), "{}: {written:?}", subject.name);
            assert!(written.outcomes.values().all(|it| *it == Outcome::Kept), "{}: {written:?}", subject.name);
        }
        Err(WriteError::Invalid(_)) if !may => {
            assert_eq!(subject.account.records(STREAM), before, "{}: nothing changed", subject.name);
            return;
        }
        other => panic!("{}: {other:?}", subject.name),
    }
    let after = subject.account.records(STREAM);
    assert_eq!(before.len(), after.len(), "{}: none came or went", subject.name);
    for (before, after) in before.iter().zip(&after) {
        if before.id != id {
            assert_eq!(before.fields, after.fields, "{}: no other changed", subject.name);
            continue;
        }
        for field in ["ends_on", "half_day_start"] {
            assert_eq!(after.fields.get(field), change.fields.get(field), "{}: {field}", subject.name);
        }
        for field in ["employee", "type", "starts_on", "half_day_end", "comment"] {
            assert_eq!(before.fields.get(field), after.fields.get(field), "{}: {field}", subject.name);
        }
    }
}

async fn what_waits_for_approval_is_not_approved(harness: &Harness) {
    let subject = Subject::start(harness, Size::SMALL).await;
    let Some(kind) = subject.account.type_with_approval() else { return };
    let mut values = subject.wanted_absence();
    values.fields.insert("type".to_owned(), json!({ "id": kind }));
    let written = subject.create_absence(values, Approval::Ask).await;
    let written = written.unwrap_or_else(|error| panic!("{}: {error:?}", subject.name));
    let there = subject.absence(&written.external_id).expect("it is there");
    assert_eq!(there.fields.get("status"), Some(&json!("pending")), "{}", subject.name);
}

async fn what_cannot_be_written_is_not_sent(harness: &Harness) {
    let subject = Subject::start(harness, Size::SMALL).await;
    let before = subject.account.traffic().total;
    let known = subject.absences().absence_fields(None);
    for field in known.iter().filter(|field| !field.on_create) {
        let mut values = subject.wanted_absence();
        values.fields.insert(field.field.to_owned(), json!("something"));
        let Err(WriteError::Invalid(problems)) = subject.create_absence(values, Approval::Skip).await else {
            panic!("{}: {} is said not to be written", subject.name, field.field);
        };
        let told = problems.first().map(|problem| (problem.pointer.as_str(), problem.message.as_str()));
        assert_eq!(told, Some((format!("/fields/{}", field.field).as_str(), field.reason)), "{}", subject.name);
    }
    for (field, value) in [
        ("employee", json!({ "id": "../1" })),
        ("type", json!(null)),
        ("starts_on", json!("01.09.2026")),
        ("ends_on", json!("2001-01-01")),
        ("half_day_start", json!("yes")),
        ("comment", json!(7)),
        ("shoe_size", json!(44)),
    ] {
        let mut values = subject.wanted_absence();
        values.fields.insert(field.to_owned(), value);
        let Err(WriteError::Invalid(problems)) = subject.create_absence(values, Approval::Skip).await else {
            panic!("{}: {field} is wrong", subject.name);
        };
        let pointers: Vec<_> = problems.iter().map(|problem| problem.pointer.as_str()).collect();
        assert_eq!(pointers, [format!("/fields/{field}").as_str()], "{}", subject.name);
    }
    for required in ["employee", "type", "starts_on", "ends_on"] {
        let mut values = subject.wanted_absence();
        values.fields.remove(required);
        let refused = subject.create_absence(values, Approval::Skip).await;
        assert!(matches!(refused, Err(WriteError::Invalid(_))), "{}: {required}: {refused:?}", subject.name);
    }
    for id in ["", "../7", "7/8", "7?a=b"] {
        let refused = subject.delete_absence(id).await;
        assert!(matches!(refused, Err(WriteError::Refused { .. })), "{}: {id}: {refused:?}", subject.name);
    }
    assert_eq!(subject.account.traffic().total, before, "{}: nothing was sent", subject.name);
}

async fn a_refusal_changes_nothing(harness: &Harness) {
    let subject = Subject::start(harness, Size::SMALL).await;
    let before = subject.account.records(STREAM);
    for field in ["employee", "type"] {
        let mut values = subject.wanted_absence();
        values.fields.insert(field.to_owned(), json!({ "id": "987654321" }));
        let refused = subject.create_absence(values, Approval::Skip).await;
        let is_refused = matches!(refused, Err(WriteError::Refused { .. } | WriteError::Invalid(_)));
        assert!(is_refused, "{}: {field}: {refused:?}", subject.name);
    }
    let unknown = subject.delete_absence("987654321").await;
    let is_unknown = matches!(&unknown, Err(WriteError::Refused { error, .. }) if error.kind == ErrorKind::NotFound);
    assert!(is_unknown, "{}: {unknown:?}", subject.name);
    subject.account.forbid_writes();
    let forbidden = subject.create_absence(subject.wanted_absence(), Approval::Skip).await;
    let is_forbidden =
        matches!(&forbidden, Err(WriteError::Refused { error, .. }) if error.kind == ErrorKind::Forbidden);
    assert!(is_forbidden, "{}: {forbidden:?}", subject.name);
    assert_eq!(subject.account.records(STREAM), before, "{}: nothing changed", subject.name);
}

async fn a_failing_vendor_leaves_a_doubt(harness: &Harness) {
    let subject = Subject::start(harness, Size::SMALL).await;
    for (status, body) in [(500, ""), (504, ""), (200, "<html>welcome</html>"), (200, r#"{"success":true}"#)] {
        subject.account.fail_next(STREAM, &Failure { status, body, retry_after_s: None });
        let doubtful = subject.create_absence(subject.wanted_absence(), Approval::Skip).await;
        assert!(matches!(doubtful, Err(WriteError::Unknown(_))), "{}: {status}: {doubtful:?}", subject.name);
    }
    let (n_before, n_sent) = (subject.account.records(STREAM).len(), subject.account.traffic().total);
    subject.account.cut_next_creation(STREAM);
    let doubtful = subject.create_absence(subject.wanted_absence(), Approval::Skip).await;
    assert!(matches!(doubtful, Err(WriteError::Unknown(_))), "{}: {doubtful:?}", subject.name);
    assert_eq!(subject.account.records(STREAM).len(), n_before + 1, "{}: it was carried out, once", subject.name);
    assert_eq!(subject.account.traffic().total, n_sent + 1, "{}: and not sent again", subject.name);
}

async fn a_deletion_deletes_one(harness: &Harness) {
    let subject = Subject::start(harness, Size::SMALL).await;
    let before = subject.account.records(STREAM);
    let id = before.get(1).map(|one| one.id.clone()).expect("the account has as many");
    let deleted = subject.delete_absence(&id).await;
    assert!(matches!(deleted, Ok(Deletion::Gone)), "{}: {deleted:?}", subject.name);
    let left: Vec<Value> = subject.account.records(STREAM).into_iter().map(|one| one.id.into()).collect();
    let expected: Vec<Value> = before.into_iter().map(|one| one.id.into()).filter(|one: &Value| *one != id).collect();
    assert_eq!(left, expected, "{}: nothing else", subject.name);
    let again = subject.delete_absence(&id).await;
    let is_unknown = matches!(&again, Err(WriteError::Refused { error, .. }) if error.kind == ErrorKind::NotFound);
    assert!(is_unknown, "{}: {again:?}", subject.name);
}
