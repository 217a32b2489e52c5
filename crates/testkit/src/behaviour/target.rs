//! Writing employees: what is accepted is there, what is refused is not, and a doubt is said to be one.

use gangway_connector::{
    CreateEmployee, DeleteEmployee, Deletion, ErrorKind, Outcome, Target, UpdateEmployee, Values, WriteError, Written,
};
use gangway_domain::record::Stream;
use gangway_egress::Class;
use serde_json::{Value, json};

use super::{
    Harness,
    account::{Expected, Failure, Size},
    subject::Subject,
    values,
};

pub(super) async fn run(harness: &Harness) {
    a_new_employee_has_what_was_written(harness).await;
    a_change_changes_what_it_names(harness).await;
    an_address_changes_or_is_said_not_to(harness).await;
    what_the_vendor_leaves_out_is_told(harness).await;
    what_cannot_be_written_is_not_sent(harness).await;
    a_refusal_changes_nothing(harness).await;
    a_failing_vendor_leaves_a_doubt(harness).await;
    a_deletion_deletes_one_or_is_said_not_to(harness).await;
}

impl Subject {
    fn target(&self) -> &dyn Target {
        self.connection.target().expect("the connection can write")
    }

    async fn create(&self, values: Values) -> Result<Written, WriteError> {
        self.target().create_employee(CreateEmployee::new(values, Class::Flow)).await
    }

    async fn update(&self, id: &str, values: Values) -> Result<Written, WriteError> {
        self.target().update_employee(UpdateEmployee::new(id, values, Class::Flow)).await
    }

    async fn delete(&self, id: &str) -> Result<Deletion, WriteError> {
        self.target().delete_employee(DeleteEmployee::new(id, Class::Flow)).await
    }

    fn employees(&self) -> Vec<Expected> {
        self.account.records(Stream::Employees)
    }

    fn someone(&self, place: usize) -> Expected {
        self.employees().into_iter().nth(place).expect("the account has as many")
    }

    fn employee(&self, id: &str) -> Expected {
        self.employees()
            .into_iter()
            .find(|one| one.id == id)
            .unwrap_or_else(|| panic!("{}: {id} is not there", self.name))
    }
}

/// A part of a field.
fn part(one: &Expected, field: &str, name: &str) -> Option<Value> {
    one.fields.get(field)?.get(name).cloned()
}

fn newcomer() -> Values {
    values(&json!({
        "first_name": "Zoë", "last_name": "Ångström-Łukasz", "email": "zoe.angstrom@example.org",
        "position": "Prüferin „Süd“", "hire_date": "2026-09-01", "weekly_hours": 38.5,
    }))
}

async fn a_new_employee_has_what_was_written(harness: &Harness) {
    let subject = Subject::start(harness, Size::SMALL).await;
    let n_before = subject.employees().len();
    let supervisor = subject.someone(0).id;
    let mut values = newcomer();
    values.fields.insert("supervisor".to_owned(), json!({ "id": supervisor }));
    let own = subject.account.own_attribute();
    values.attributes.extend(own.clone());
    let written = subject.create(values.clone()).await.unwrap_or_else(|error| panic!("{}: {error:?}", subject.name));
    assert!(written.outcomes.values().all(|outcome| *outcome == Outcome::Kept), "{}: {written:?}", subject.name);
    assert_eq!(written.outcomes.len(), values.fields.len() + values.attributes.len(), "{}: {written:?}", subject.name);
    assert_eq!(subject.employees().len(), n_before + 1, "{}: one more, once", subject.name);
    let there = subject.employee(&written.external_id);
    for field in ["first_name", "last_name", "email", "position", "hire_date"] {
        assert_eq!(there.fields.get(field), values.fields.get(field), "{}: {field}", subject.name);
    }
    assert_eq!(part(&there, "supervisor", "id"), Some(json!(supervisor)), "{}", subject.name);
    if let Some((key, value)) = own {
        assert_eq!(there.attributes.get(&key), Some(&value), "{}", subject.name);
    }
}

async fn a_change_changes_what_it_names(harness: &Harness) {
    let subject = Subject::start(harness, Size::SMALL).await;
    let before = subject.employees();
    let one = before.get(3).expect("the account has as many");
    let unit = before.iter().find_map(|other| {
        let name = part(other, "department", "name").filter(Value::is_string);
        name.filter(|name| part(one, "department", "name").as_ref() != Some(name))
    });
    let mut change = values(&json!({ "position": "Leiterin" }));
    change.fields.extend(unit.clone().map(|name| ("department".to_owned(), json!({ "name": name }))));
    let written = subject.update(&one.id, change).await.unwrap_or_else(|error| panic!("{}: {error:?}", subject.name));
    assert_eq!(written.external_id, one.id, "{}", subject.name);
    assert_eq!(written.outcomes.len(), if unit.is_some() { 2 } else { 1 }, "{}: {written:?}", subject.name);
    assert!(written.outcomes.values().all(|outcome| *outcome == Outcome::Kept), "{}: {written:?}", subject.name);
    let after = subject.employees();
    assert_eq!(before.len(), after.len(), "{}: nobody came or went", subject.name);
    for (before, after) in before.iter().zip(&after) {
        if before.id != one.id {
            assert_eq!(before.fields, after.fields, "{}: nobody else changed", subject.name);
            continue;
        }
        assert_eq!(after.fields.get("position"), Some(&json!("Leiterin")), "{}", subject.name);
        if let Some(unit) = &unit {
            assert_eq!(part(after, "department", "name").as_ref(), Some(unit), "{}", subject.name);
        }
        for field in ["first_name", "last_name", "email", "hire_date", "status"] {
            assert_eq!(before.fields.get(field), after.fields.get(field), "{}: {field}", subject.name);
        }
    }
}

async fn an_address_changes_or_is_said_not_to(harness: &Harness) {
    let subject = Subject::start(harness, Size::SMALL).await;
    let one = subject.someone(4);
    let may = subject.target().employee_fields(None).iter().any(|known| known.field == "email" && known.on_update);
    let change = values(&json!({ "email": "Neue.Adresse@example.org", "last_name": "Neu-Ångström" }));
    match subject.update(&one.id, change).await {
        Ok(written) if may => {
            assert_eq!(written.outcomes.len(), 2, "{}: {written:?}", subject.name);
            assert!(written.outcomes.values().all(|it| *it == Outcome::Kept), "{}: {written:?}", subject.name);
            let there = subject.employee(&one.id).fields;
            let address = there.get("email").and_then(Value::as_str).map(str::to_lowercase);
            assert_eq!(address.as_deref(), Some("neue.adresse@example.org"), "{}", subject.name);
            assert_eq!(there.get("last_name"), Some(&json!("Neu-Ångström")), "{}", subject.name);
        }
        Err(WriteError::Invalid(_)) if !may => {
            assert_eq!(subject.employee(&one.id).fields, one.fields, "{}: nothing changed", subject.name);
        }
        other => panic!("{}: {other:?}", subject.name),
    }
    if !may {
        return;
    }
    // Somebody else's is refused, and nothing is changed beside it.
    let (before, mut change) = (subject.employees(), values(&json!({ "position": "Leiterin" })));
    change.fields.extend(subject.someone(5).fields.remove_entry("email"));
    let taken = subject.update(&one.id, change).await;
    assert!(matches!(taken, Err(WriteError::Refused { .. } | WriteError::Invalid(_))), "{}: {taken:?}", subject.name);
    assert_eq!(subject.employees(), before, "{}: nothing changed", subject.name);
}

async fn what_the_vendor_leaves_out_is_told(harness: &Harness) {
    let subject = Subject::start(harness, Size::SMALL).await;
    let one = subject.someone(2);
    let change = values(&json!({ "position": "Leiterin", "office": { "name": "An office that nobody has" } }));
    match subject.update(&one.id, change).await {
        Ok(written) => {
            assert_eq!(written.outcomes.get("position"), Some(&Outcome::Kept), "{}", subject.name);
            assert_eq!(written.outcomes.get("office"), Some(&Outcome::Ignored), "{}", subject.name);
        }
        // Where units have ids, the name must have one before anything is sent.
        Err(WriteError::Invalid(problems)) => {
            let pointers: Vec<_> = problems.iter().map(|problem| problem.pointer.as_str()).collect();
            assert_eq!(pointers, ["/fields/office"], "{}", subject.name);
            assert_eq!(subject.employee(&one.id).fields, one.fields, "{}: nothing changed", subject.name);
        }
        Err(error) => panic!("{}: {error:?}", subject.name),
    }
    assert_eq!(subject.employee(&one.id).fields.get("office"), one.fields.get("office"), "{}", subject.name);
    subject.account.hide("position");
    let change = values(&json!({ "position": "Direktorin" }));
    let written = subject.update(&one.id, change).await.unwrap_or_else(|error| panic!("{}: {error:?}", subject.name));
    assert_eq!(written.outcomes.get("position"), Some(&Outcome::Unseen), "{}: what may not be read", subject.name);
}

async fn what_cannot_be_written_is_not_sent(harness: &Harness) {
    let subject = Subject::start(harness, Size::SMALL).await;
    let one = subject.someone(0).id;
    let known = subject.target().employee_fields(None);
    let before = subject.account.traffic().total;
    for field in known.iter().filter(|field| !field.on_update) {
        let change = values(&json!({ field.field: "something" }));
        let Err(WriteError::Invalid(problems)) = subject.update(&one, change).await else {
            panic!("{}: {} is said not to be written", subject.name, field.field);
        };
        let told = problems.first().map(|problem| (problem.pointer.as_str(), problem.message.as_str()));
        assert_eq!(told, Some((format!("/fields/{}", field.field).as_str(), field.reason)), "{}", subject.name);
        assert!(!field.reason.is_empty(), "{}: {}", subject.name, field.field);
    }
    for wrong in [
        json!({}),
        json!({ "shoe_size": 44 }),
        json!({ "first_name": 7 }),
        json!({ "last_name": null }),
        json!({ "hire_date": "01.09.2026" }),
        json!({ "weekly_hours": 200 }),
        json!({ "department": { "id": 4 } }),
        json!({ "supervisor": { "id": "../1" } }),
        json!({ "status": "asleep" }),
    ] {
        let refused = subject.update(&one, values(&wrong)).await;
        assert!(matches!(refused, Err(WriteError::Invalid(_))), "{}: {wrong}: {refused:?}", subject.name);
    }
    for required in subject.account.required_of_new_employees() {
        let mut values = newcomer();
        values.fields.remove(*required);
        let refused = subject.create(values).await;
        assert!(matches!(refused, Err(WriteError::Invalid(_))), "{}: {required}: {refused:?}", subject.name);
    }
    for id in ["", "../7", "7/8", "7?a=b"] {
        let refused = subject.update(id, values(&json!({ "position": "x" }))).await;
        assert!(matches!(refused, Err(WriteError::Refused { .. })), "{}: {id}: {refused:?}", subject.name);
        let refused = subject.delete(id).await;
        assert!(matches!(refused, Err(WriteError::Refused { .. })), "{}: {id}: {refused:?}", subject.name);
    }
    assert_eq!(subject.account.traffic().total, before, "{}: nothing was sent", subject.name);
}

async fn a_refusal_changes_nothing(harness: &Harness) {
    let subject = Subject::start(harness, Size::SMALL).await;
    let before = subject.employees();
    let nobody = subject.update("987654321", values(&json!({ "position": "x" }))).await;
    assert!(
        matches!(&nobody, Err(WriteError::Refused { error, .. }) if error.kind == ErrorKind::NotFound),
        "{nobody:?}"
    );
    let mut above = newcomer();
    above.fields.insert("supervisor".to_owned(), json!({ "id": "987654321" }));
    let unknown = subject.create(above).await;
    assert!(
        matches!(unknown, Err(WriteError::Refused { .. } | WriteError::Invalid(_))),
        "{}: {unknown:?}",
        subject.name
    );
    let mut twice = newcomer();
    twice.fields.extend(subject.someone(1).fields.remove_entry("email"));
    let twice = subject.create(twice).await;
    assert!(matches!(twice, Err(WriteError::Refused { .. } | WriteError::Invalid(_))), "{}: {twice:?}", subject.name);
    subject.account.fail_next(Stream::Employees, &Failure { status: 429, body: "", retry_after_s: Some(1) });
    let limited = subject.create(newcomer()).await;
    assert!(
        matches!(&limited, Err(WriteError::Refused { error, .. }) if error.kind == ErrorKind::RateLimited),
        "{limited:?}"
    );
    subject.advance_s(120);
    subject.account.forbid_writes();
    let forbidden = subject.create(newcomer()).await;
    assert!(
        matches!(&forbidden, Err(WriteError::Refused { error, .. }) if error.kind == ErrorKind::Forbidden),
        "{forbidden:?}"
    );
    assert_eq!(subject.employees(), before, "{}: nothing changed", subject.name);
}

async fn a_failing_vendor_leaves_a_doubt(harness: &Harness) {
    let subject = Subject::start(harness, Size::SMALL).await;
    for (status, body) in [(500, ""), (502, "<html>busy</html>"), (504, ""), (200, "<html>welcome</html>"), (200, "")] {
        subject.account.fail_next(Stream::Employees, &Failure { status, body, retry_after_s: None });
        let doubtful = subject.create(newcomer()).await;
        assert!(matches!(doubtful, Err(WriteError::Unknown(_))), "{}: {status}: {doubtful:?}", subject.name);
    }
    // What was carried out and lost its answer is a doubt too, and is not sent again.
    let (n_before, n_sent) = (subject.employees().len(), subject.account.traffic().total);
    subject.account.cut_next_creation(Stream::Employees);
    let doubtful = subject.create(newcomer()).await;
    assert!(matches!(doubtful, Err(WriteError::Unknown(_))), "{}: {doubtful:?}", subject.name);
    assert_eq!(subject.employees().len(), n_before + 1, "{}: it was carried out, once", subject.name);
    assert_eq!(subject.account.traffic().total, n_sent + 1, "{}: and not sent again", subject.name);
    let email = newcomer().fields.remove("email");
    let written = subject.employees().into_iter().find(|one| one.fields.get("email") == email.as_ref());
    subject.account.remove(Stream::Employees, &written.expect("it is the newcomer").id);
    // A token that has run out meanwhile is no reason to send anything twice.
    subject.account.expire_tokens();
    subject.advance_s(120);
    let n_before = subject.employees().len();
    subject.create(newcomer()).await.unwrap_or_else(|error| panic!("{}: {error:?}", subject.name));
    assert_eq!(subject.employees().len(), n_before + 1, "{}: once", subject.name);
}

async fn a_deletion_deletes_one_or_is_said_not_to(harness: &Harness) {
    let subject = Subject::start(harness, Size::SMALL).await;
    let before: Vec<String> = subject.employees().into_iter().map(|one| one.id).collect();
    let (id, other) = (subject.someone(2).id, subject.someone(3).id);
    let ended = subject.delete(&id).await;
    let left = || subject.employees().into_iter().map(|one| one.id).collect::<Vec<_>>();
    if let Some(reason) = subject.target().keeps_employees() {
        let told = matches!(&ended, Err(WriteError::Refused { error, .. })
            if error.kind == ErrorKind::Unsupported && error.message == reason);
        assert!(told, "{}: {ended:?}", subject.name);
        assert_eq!(left(), before, "{}: nobody went", subject.name);
        return;
    }
    assert!(matches!(ended, Ok(Deletion::Gone)), "{}: {ended:?}", subject.name);
    let others: Vec<String> = before.into_iter().filter(|one| *one != id).collect();
    assert_eq!(left(), others, "{}: nobody else", subject.name);
    let again = subject.delete(&id).await;
    assert!(matches!(again, Ok(Deletion::Gone)), "{}: {again:?}", subject.name);
    subject.advance_s(120);
    subject.account.forbid_writes();
    let forbidden = subject.delete(&other).await;
    let is_forbidden =
        matches!(&forbidden, Err(WriteError::Refused { error, .. }) if error.kind == ErrorKind::Forbidden);
    assert!(is_forbidden, "{}: {forbidden:?}", subject.name);
    assert_eq!(left(), others, "{}: nobody else", subject.name);
}
