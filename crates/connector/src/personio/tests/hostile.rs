//! No input panics, and nothing is lost: each item of an answer ends as a record or as a bad record.

use std::collections::HashSet;

use bytes::Bytes;
use gangway_domain::record::Stream;
use gangway_egress::Response;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{
    authentication, discovery,
    envelope::Document,
    paging::Position,
    source::{page, read_or_set_aside},
};
use crate::contract::Checkpoint;

/// JSON of any kind, with the keys that the readers look for.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        ".{0,12}".prop_map(Value::from),
        "[0-9]{4}-[0-9]{2}-[0-9]{2}(T00:00:00\\+0[0-9]:?00)?".prop_map(Value::from),
        Just(json!("[\"a\", 1")),
        Just(json!("\u{0}\u{7f}ü\u{1f600}")),
    ];
    leaf.prop_recursive(5, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            prop::collection::hash_map(any_key(), inner, 0..6).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn any_key() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(vec![
            "id", "id_v2", "value", "type", "label", "universal_id", "currency", "attributes", "employee", "employee_id",
            "first_name", "status", "department", "supervisor", "cost_centers", "percentage", "name", "hire_date",
            "weekly_working_hours", "time_off_type", "start_date", "half_day_start", "certificate", "date", "start_time",
            "break", "project", "updated_at", "dynamic_1", "key", "options", "data", "metadata", "success", "error",
        ]).prop_map(str::to_owned),
        1 => ".{0,6}",
    ]
}

fn any_stream() -> impl Strategy<Value = Stream> {
    prop::sample::select(Stream::ALL.to_vec())
}

fn document(items: &[Value]) -> Document {
    Document::read(&Bytes::from(json!({"success": true, "data": items}).to_string())).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn arbitrary_bytes_never_panic(body in prop::collection::vec(any::<u8>(), 0..400), stream in any_stream()) {
        let body = Bytes::from(body);
        let response = Response::new(200, Vec::new(), body.clone());
        drop(authentication::token(&response, super::start()));
        if let Ok(document) = Document::read(&body) {
            drop(page(stream, &document, &Position::start(stream, 100)));
        }
    }

    #[test]
    fn arbitrary_text_in_an_item_never_panics(text in r#"[\{\}\[\]",:\\a-c0-9eu\. -]{0,80}"#, stream in any_stream()) {
        let body = Bytes::from(format!(r#"{{"success":true,"data":[{{"id":1,"attributes":{text}}}]}}"#));
        if let Ok(document) = Document::read(&body) {
            drop(page(stream, &document, &Position::start(stream, 100)));
        }
    }

    #[test]
    fn nothing_is_lost(items in prop::collection::vec(any_json(), 0..12), stream in any_stream()) {
        let document = document(&items);
        let page = page(stream, &document, &Position::start(stream, 100)).unwrap();
        prop_assert_eq!(page.records.len() + page.bad.len(), items.len());
        let mut kept: Vec<&Bytes> = page.records.iter().map(|record| &record.raw).collect();
        kept.extend(page.bad.iter().map(|bad| &bad.raw));
        for item in &items {
            prop_assert!(kept.contains(&&Bytes::from(item.to_string())), "byte by byte");
        }
    }

    #[test]
    fn any_set_of_attributes_can_be_cut_out(
        attributes in prop::collection::hash_map(any_key(), any_json(), 0..8),
        beside in prop::collection::hash_map(any_key(), any_json(), 0..3),
        choice in any::<u64>(),
        is_pretty in any::<bool>(),
    ) {
        let mut item: serde_json::Map<String, Value> = beside.into_iter().filter(|(key, _)| key != "attributes").collect();
        item.insert("attributes".to_owned(), Value::Object(attributes.into_iter().filter(|(key, _)| key != "id").collect()));
        item.insert("id".to_owned(), json!(1));
        let item = Value::Object(item);
        let text = if is_pretty { serde_json::to_string_pretty(&item).unwrap() } else { item.to_string() };
        let document = Document::read(&Bytes::from(format!("[{text}]"))).unwrap();
        let items = document.items(400).unwrap();
        let Ok(record) = read_or_set_aside(Stream::Attendances, &document, items[0]) else { return Ok(()) };
        let cut: HashSet<&str> = record.spans.iter().enumerate()
            .filter(|(at, _)| choice >> (at % 64) & 1 == 1).map(|(_, span)| span.key.as_str()).collect();
        let kept: Value = serde_json::from_slice(&record.raw_without(&cut)).unwrap();
        let mut expected = item;
        for object in [true, false] {
            let place = if object { expected.get_mut("attributes").unwrap() } else { &mut expected };
            place.as_object_mut().unwrap().retain(|key, value| {
                let is_envelope = !object && (key == "attributes" || (key == "type" && *value == json!("Employee")));
                is_envelope || !cut.contains(key.as_str())
            });
        }
        // Through text, as the parser does not give every float back to the last digit.
        let expected: Value = serde_json::from_str(&expected.to_string()).unwrap();
        prop_assert_eq!(kept, expected);
    }

    #[test]
    fn keys_of_anything_can_be_collected(item in any_json()) {
        let document = document(std::slice::from_ref(&item));
        let mut union = discovery::Union::default();
        for item in document.items(400).unwrap() {
            union.add(item).unwrap();
        }
        let keys: HashSet<_> = union.attributes.iter().map(|found| found.key.clone()).collect();
        prop_assert_eq!(keys.len(), union.attributes.len());
    }

    #[test]
    fn any_checkpoint_is_taken_or_refused(text in ".{0,60}", offset in any::<u64>(), pages in any::<u32>()) {
        drop(Position::resume(&Checkpoint::from_stored(text), Stream::Employees, "read employees"));
        for (stream, count_by) in [("absences", "pages"), ("employees", "items")] {
            let text = json!({"v": 1, "stream": stream, "count_by": count_by, "offset": offset, "limit": 100,
                "pages": pages, "items": u64::MAX, "fullest": 1, "first_page": u64::MAX, "total": null, "last": [1, 2, 3]});
            let stream = Stream::parse(stream).unwrap();
            if let Ok(position) = Position::resume(&Checkpoint::from_stored(text.to_string()), stream, "read") {
                page(stream, &document(&[json!({"id": 1})]), &position).unwrap();
            }
        }
    }
}

#[test]
fn bombs_are_set_aside_and_their_neighbours_read() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let long = "x".repeat(2_000_000);
    let body = format!(
        r#"{{"success":true,"data":[{{"id":1,"dynamic_1":{deep}}},{{"id":2,"first_name":"{long}"}},{{"id":"{long}"}},{{"id":3}},
           {{"id":4,"first_name":"\ud800"}},{{"id":5,"id":6}}]}}"#
    );
    let document = Document::read(&Bytes::from(body)).unwrap();
    let page = page(Stream::Employees, &document, &Position::start(Stream::Employees, 100)).unwrap();
    let ids: Vec<_> = page.records.iter().map(|record| record.external.id.as_str()).collect();
    assert_eq!(ids, ["2", "3", "6"]);
    assert_eq!(page.bad.len(), 3);
    assert!(page.next.unwrap().as_str().len() < 1_000);
}
