//! Both dialects describe the same company.

use std::collections::BTreeMap;

use gangway_connector::{ErrorKind, ReadAbsenceTypes, ReadMode};
use gangway_domain::record::{Fields, Stream};
use gangway_egress::Class;
use gangway_testkit::behaviour::{Size, Subject};
use serde_json::{Value, json};

use super::emulator::Variant;

async fn read(variant: Variant, stream: Stream) -> BTreeMap<String, Fields> {
    let subject = Subject::start(&variant.harness(), Size::PAGES).await;
    let read = subject.read(stream, ReadMode::All).await;
    read.records.into_iter().map(|record| (record.external.id, record.fields)).collect()
}

/// What both dialects tell of each record must agree, name for name and value for value.
async fn assert_agree(stream: Stream, fields: &[&str]) {
    let (vendor, guide) = (read(Variant::VENDOR, stream).await, read(Variant::GUIDE, stream).await);
    assert_eq!(vendor.keys().collect::<Vec<_>>(), guide.keys().collect::<Vec<_>>());
    for (id, vendors) in &vendor {
        for field in fields {
            let (vendors, guides) = (&vendors[*field], &guide[id][*field]);
            assert_eq!(vendors, guides, "{id}: {field}");
        }
    }
}

#[tokio::test]
async fn people_are_the_same_in_both() {
    let fields = [
        "first_name",
        "last_name",
        "email",
        "gender",
        "position",
        "department",
        "office",
        "team",
        "legal_entity",
        "cost_centers",
        "hire_date",
        "contract_end_date",
        "weekly_hours",
        "employment_type",
    ];
    assert_agree(Stream::Employees, &fields).await;
}

#[tokio::test]
async fn absences_and_attendances_are_the_same_in_both() {
    assert_agree(Stream::Absences, &["employee", "starts_on", "ends_on"]).await;
    assert_agree(Stream::Attendances, &["employee", "date", "starts_at", "ends_at"]).await;
}

#[tokio::test]
async fn names_survive_umlauts_and_all() {
    let people = read(Variant::VENDOR, Stream::Employees).await;
    let names: String = people.values().filter_map(|fields| fields["last_name"].as_str()).collect();
    assert!(names.contains(['ä', 'ö', 'ü', 'ß', 'Ü', 'Ö']), "the company has such names");
    assert!(people.values().any(|fields| fields["weekly_hours"] == "38.5"));
    assert!(people.values().any(|fields| fields["department"] == Value::Null));
    assert!(people.values().any(|fields| fields["cost_centers"] == json!([])));
}

#[tokio::test]
async fn kinds_of_absence_are_the_vendors_to_tell() {
    let subject = Subject::start(&Variant::VENDOR.harness(), Size::SMALL).await;
    let types = subject.source().read_absence_types(ReadAbsenceTypes::new(Class::Interactive)).await.unwrap();
    assert!(types.bad.is_empty() && types.next.is_none());
    let read = subject.read(Stream::Absences, ReadMode::All).await;
    for record in read.records {
        let known = types.types.iter().find(|kind| record.fields["type"]["id"] == kind.external.id.as_str());
        assert_eq!(record.fields["type"]["name"], json!(known.unwrap().name));
    }

    let subject = Subject::start(&Variant::GUIDE.harness(), Size::SMALL).await;
    let error = subject.source().read_absence_types(ReadAbsenceTypes::new(Class::Interactive)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported);
}
