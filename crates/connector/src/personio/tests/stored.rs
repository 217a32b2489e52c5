//! A record is read again from the bytes that were handed over with it as it was read at first, whatever was cut out of them.

use std::collections::HashSet;

use bytes::Bytes;
use gangway_domain::record::{ExternalId, Stream};
use serde_json::{json, value::RawValue};

use super::super::{Personio, employee};
use crate::contract::{Connector as _, ErrorKind, SourceRecord};

fn read() -> SourceRecord {
    let text = json!({"type": "Employee", "attributes": {
        "id": {"label": "ID", "value": 9, "type": "integer", "universal_id": "id"},
        "position": {"label": "Position", "value": "Smith", "type": "standard", "universal_id": "position"},
        "dynamic_1": {"label": "Squad", "value": "Blue", "type": "list", "universal_id": null},
        "dynamic_2": {"label": "Salary", "value": 5000.5, "type": "decimal", "currency": "EUR"},
    }})
    .to_string();
    let raw: &RawValue = serde_json::from_str(&text).unwrap();
    employee::read(raw, Bytes::copy_from_slice(raw.get().as_bytes())).unwrap()
}

fn again(record: &SourceRecord, raw: Vec<u8>) -> SourceRecord {
    Personio.read_stored(Stream::Employees, &record.external, raw.into()).unwrap()
}

#[test]
fn a_record_read_again_is_the_same() {
    let record = read();
    let again = again(&record, record.raw.to_vec());
    assert_eq!(again.fields, record.fields);
    assert!(again.attributes == record.attributes && again.external == record.external && again.also == record.also);
    assert_eq!(again.spans, record.spans);
}

#[test]
fn a_record_without_what_was_cut_out_lacks_only_that() {
    let record = read();
    let cut = HashSet::from(["id", "dynamic_2"]);
    let again = again(&record, record.raw_without(&cut));
    assert_eq!((&again.external, &again.fields), (&record.external, &record.fields));
    let keys: Vec<&str> = again.attributes.iter().map(|attribute| attribute.key.as_str()).collect();
    assert_eq!(keys, ["dynamic_1", "position"]);
    let again = Personio.read_stored(Stream::Employees, &record.external, again.raw).unwrap();
    assert_eq!(
        again.raw_without(&HashSet::from(["dynamic_1"])),
        record.raw_without(&HashSet::from(["id", "dynamic_1", "dynamic_2"]))
    );
}

#[test]
fn bytes_that_are_no_record_are_refused() {
    let name = ExternalId { source: "personio.v1".to_owned(), id: "9".to_owned() };
    for raw in [&b"null"[..], b"", b"\xff", b"[]", b"{\"attributes\":{\"hire_date\":{\"value\":\"soon\"}}}"] {
        let refused = Personio.read_stored(Stream::Employees, &name, Bytes::copy_from_slice(raw));
        assert_eq!(refused.map(drop).map_err(|error| error.kind), Err(ErrorKind::Protocol));
    }
}
