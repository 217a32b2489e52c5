//! Writing to the vendor whose two versions differ: what was carried out before the answer was lost, changes that end half way, and a
//! version that has ended.

use gangway_connector::{
    Approval, CreateAbsence, CreateEmployee, DeleteEmployee, Deletion, ErrorKind, Outcome, UpdateEmployee, Values,
    WriteError, Written,
};
use gangway_domain::record::Stream;
use gangway_egress::Class;
use gangway_sandbox::{Effect, Fault, Handle, Quirks};
use gangway_testkit::behaviour::{Size, Subject};
use serde_json::{Value, json};

use super::emulator::{ABSENCES, LIST, PERSONS, Variant};

const EMPLOYMENT: &str = "/v2/persons/{id}/employments/{id}";

fn values(fields: &Value) -> Values {
    let fields = fields.as_object().expect("an object").clone().into_iter().collect();
    Values { fields, ..Values::default() }
}

async fn update(subject: &Subject, id: u64, fields: &Value) -> Result<Written, WriteError> {
    let request = UpdateEmployee::new(id.to_string(), values(fields), Class::Flow);
    subject.connection.target().unwrap().update_employee(request).await
}

async fn create(subject: &Subject) -> Result<Written, WriteError> {
    let fields = json!({"first_name": "Zoë", "last_name": "Ångström", "email": "zoe.angstrom@example.org"});
    subject.connection.target().unwrap().create_employee(CreateEmployee::new(values(&fields), Class::Flow)).await
}

fn order(handle: &Handle, method: &str, path: &str, effect: Effect) {
    let fault = Fault { method: Some(method.to_owned()), times: Some(1), ..Fault::always(path, effect) };
    handle.add_fault(fault).unwrap();
}

fn first(handle: &Handle) -> u64 {
    handle.people()[0]["id"].as_u64().unwrap()
}

#[tokio::test]
async fn what_was_carried_out_and_lost_its_answer_is_a_doubt_in_both_versions() {
    for (variant, list) in [(Variant::VENDOR, LIST), (Variant::V2, PERSONS)] {
        let (subject, handle) = variant.start_with_handle(Size::SMALL).await;
        for effect in [
            Effect::AnswerAfter { status: 504, body: "<h1>Gateway timeout</h1>".to_owned() },
            Effect::AnswerAfter { status: 500, body: String::new() },
            Effect::Cut { after_percent: 0 },
            Effect::Cut { after_percent: 50 },
        ] {
            let n_before = handle.people().len();
            order(&handle, "POST", list, effect.clone());
            let doubtful = create(&subject).await;
            assert!(matches!(doubtful, Err(WriteError::Unknown(_))), "{}: {effect:?}: {doubtful:?}", subject.name);
            assert_eq!(handle.people().len(), n_before + 1, "{}: {effect:?}", subject.name);
            let newcomer = handle.people().last().unwrap()["id"].as_u64().unwrap();
            handle.remove_person(newcomer).unwrap();
        }
        order(&handle, "POST", list, Effect::TooMany { says: gangway_sandbox::TooMany::RetryAfter, wait_s: 1 });
        let limited = create(&subject).await;
        let is_limited =
            matches!(&limited, Err(WriteError::Refused { error, .. }) if error.kind == ErrorKind::RateLimited);
        assert!(is_limited, "{}: {limited:?}", subject.name);
    }
}

#[tokio::test]
async fn a_change_that_ends_half_way_says_which_half() {
    let (subject, handle) = Variant::V2.start_with_handle(Size::SMALL).await;
    let id = first(&handle);
    let before = handle.person(id).unwrap();
    let refusal =
        Effect::Answer { status: 400, body: r#"{"errors":[{"detail":"no"}]}"#.to_owned(), headers: Vec::new() };
    for (effect, is_carried_out) in [
        (refusal, false),
        (Effect::AnswerAfter { status: 502, body: String::new() }, true),
        (Effect::Cut { after_percent: 0 }, true),
    ] {
        let title = format!("Leiterin {is_carried_out} {effect:?}");
        order(&handle, "PATCH", EMPLOYMENT, effect);
        let ended = update(&subject, id, &json!({"last_name": "Neu", "position": title})).await;
        let Err(WriteError::Partly { written, rest }) = ended else { panic!("{title}: {ended:?}") };
        assert_eq!(
            written.outcomes.into_iter().collect::<Vec<_>>(),
            [("last_name".to_owned(), Outcome::Kept)],
            "{title}"
        );
        assert_eq!(matches!(*rest, WriteError::Unknown(_)), is_carried_out, "{title}: {rest:?}");
        let after = handle.person(id).unwrap();
        assert_eq!(
            (&after["last_name"], after["position"] == title.as_str()),
            (&json!("Neu"), is_carried_out),
            "{title}"
        );
        handle.change_person(id, &json!({"last_name": before["last_name"], "position": before["position"]})).unwrap();
    }
    order(&handle, "PATCH", "/v2/persons/{id}", Effect::Forbidden);
    let refused = update(&subject, id, &json!({"last_name": "Neu", "position": "Leiterin"})).await;
    assert!(matches!(refused, Err(WriteError::Refused { .. })), "{refused:?}");
    assert_eq!(handle.person(id).unwrap()["position"], before["position"], "what comes after is not begun");
}

#[tokio::test]
async fn a_team_stays_when_the_department_changes_and_shares_are_written_whole() {
    let (subject, handle) = Variant::V2.start_with_handle(Size::SMALL).await;
    let people = handle.people();
    let one = people.iter().find(|one| one["team"].is_object() && one["department"].is_object()).unwrap();
    let is_other = |other: &&Value| other["department"].is_object() && other["department"] != one["department"];
    let department = people.iter().find(is_other).unwrap()["department"].clone();
    let centers = people.iter().flat_map(|one| one["cost_centers"].as_array().unwrap());
    let center = centers.map(|center| center["name"].clone()).next().unwrap();
    let id = one["id"].as_u64().unwrap();
    let change = json!({
        "department": {"name": department["name"]}, "office": null,
        "cost_centers": [{"name": center, "percentage": 100}],
    });
    let written = update(&subject, id, &change).await.unwrap();
    assert!(written.outcomes.values().all(|outcome| *outcome == Outcome::Kept), "{written:?}");
    let now = handle.person(id).unwrap();
    assert_eq!((&now["department"], &now["team"], &now["office"]), (&department, &one["team"], &Value::Null));
    assert_eq!(now["cost_centers"][0]["name"], center);
}

#[tokio::test]
async fn a_deletion_that_lost_its_answer_is_a_doubt_that_asking_again_ends() {
    for variant in [Variant::V2, Variant::AUTO] {
        let (subject, handle) = variant.start_with_handle(Size::SMALL).await;
        let id = first(&handle);
        let delete = async || {
            let request = DeleteEmployee::new(id.to_string(), Class::Flow);
            subject.connection.target().unwrap().delete_employee(request).await
        };
        order(&handle, "DELETE", "/v2/persons/{id}", Effect::Cut { after_percent: 0 });
        let doubtful = delete().await;
        assert!(matches!(doubtful, Err(WriteError::Unknown(_))), "{}: {doubtful:?}", subject.name);
        assert!(handle.person(id).is_none(), "{}: it was carried out", subject.name);
        let again = delete().await;
        assert!(matches!(again, Ok(Deletion::Gone)), "{}: {again:?}", subject.name);
        // Where version 2 is not there, nobody is said to be gone.
        handle.set_quirks(Quirks { v2_unavailable: true, ..Quirks::default() }).unwrap();
        let refused = delete().await;
        assert!(matches!(refused, Err(WriteError::Refused { .. })), "{}: {refused:?}", subject.name);
    }
}

#[tokio::test]
async fn a_unit_is_called_by_its_id_in_every_version() {
    for variant in [Variant::VENDOR, Variant::V2, Variant::AUTO] {
        let (subject, handle) = variant.start_with_handle(Size::SMALL).await;
        let people = handle.people();
        let one = &people[0];
        for (field, key) in [("department", "department"), ("office", "office"), ("legal_entity", "subcompany")] {
            let is_other = |other: &&Value| other[key].is_object() && other[key] != one[key];
            let Some(unit) = people.iter().find(is_other).map(|other| other[key].clone()) else { continue };
            let wanted = json!({ field: {"id": unit["id"].to_string()} });
            let written = update(&subject, first(&handle), &wanted).await.unwrap();
            assert_eq!(written.outcomes[field], Outcome::Kept, "{}: {field}", subject.name);
            assert_eq!(handle.person(first(&handle)).unwrap()[key], unit, "{}: {field}", subject.name);
        }
        let unknown = update(&subject, first(&handle), &json!({"office": {"id": "987654321"}})).await;
        assert!(matches!(unknown, Err(WriteError::Invalid(_))), "{}: {unknown:?}", subject.name);
    }
}

#[tokio::test]
async fn employees_are_written_through_version_2_once_version_1_has_ended() {
    let (subject, handle) = Variant::AUTO.start_with_handle(Size::SMALL).await;
    handle.set_quirks(Quirks { v1_gone: true, ..Quirks::default() }).unwrap();
    let written = create(&subject).await.unwrap();
    assert!(handle.person(written.external_id.parse().unwrap()).is_some());
    let id = first(&handle);
    let written = update(&subject, id, &json!({"position": "Leiterin", "email": "neu@example.org"})).await.unwrap();
    assert_eq!(written.outcomes.len(), 2);
    assert!(written.outcomes.values().all(|outcome| *outcome == Outcome::Kept), "{written:?}");
    assert_eq!(
        (&handle.person(id).unwrap()["position"], handle.person(id).unwrap()["email"].as_str()),
        (&json!("Leiterin"), Some("neu@example.org"))
    );
}

#[tokio::test]
async fn an_absence_in_hours_is_written_with_its_times() {
    let (subject, handle) =
        Variant::V2.start_with_handle(Size { people: 60, absences_each: 4, attendances_each: 1 }).await;
    let periods = handle.absence_periods();
    let in_hours = periods.iter().find(|period| period.is_in_hours).expect("the company has such absences");
    let day = subject.account.window().to;
    let fields = json!({
        "employee": {"id": first(&handle).to_string()}, "type": {"id": in_hours.absence_type}, "starts_on": day, "starts_at": "09:00",
        "ends_on": day, "ends_at": "11:30",
    });
    let target = subject.connection.absence_target().unwrap();
    let request = CreateAbsence::new(values(&fields), Approval::Skip, Class::Flow);
    let written = target.create_absence(request).await.unwrap();
    assert_eq!(written.outcomes.len(), 6);
    assert!(written.outcomes.values().all(|outcome| *outcome == Outcome::Kept), "{written:?}");
    let made = handle.absence_periods().into_iter().find(|period| period.id == written.external_id).unwrap();
    let times = (made.start.format("%H:%M").to_string(), made.end.unwrap().format("%H:%M").to_string());
    assert_eq!(times, ("09:00".to_owned(), "11:30".to_owned()));
    let mut without = fields.clone();
    without.as_object_mut().unwrap().remove("ends_at");
    let request = CreateAbsence::new(values(&without), Approval::Skip, Class::Flow);
    assert!(matches!(target.create_absence(request).await, Err(WriteError::Invalid(_))));
    assert_eq!(subject.account.records(Stream::Employees).len(), 60, "control");
    assert_eq!(handle.ledger(0).count(ABSENCES), 1, "one was sent");
}
