//! Comparing what was read with what the oracle knows.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::DateTime;
use gangway_connector::SourceRecord;
use serde_json::{Map, Value};

use super::account::Expected;

/// Of how many records one is cut to pieces.
const SPANS_EVERY: usize = 100;

/// Every expected id was read exactly once, and no other.
pub fn assert_each_once(context: &str, expected: &[Expected], read: &[String]) {
    let mut times: HashMap<&str, usize> = HashMap::new();
    for id in read {
        *times.entry(id).or_default() += 1;
    }
    let twice: Vec<_> = times.iter().filter(|(_, n)| **n > 1).map(|(id, _)| *id).collect();
    assert!(twice.is_empty(), "{context}: read more than once: {twice:?}");
    let wanted: BTreeSet<&str> = expected.iter().map(|record| record.id.as_str()).collect();
    let got: BTreeSet<&str> = times.keys().copied().collect();
    let lost: Vec<_> = wanted.difference(&got).collect();
    let invented: Vec<_> = got.difference(&wanted).collect();
    assert!(lost.is_empty() && invented.is_empty(), "{context}: lost {lost:?}, invented {invented:?}");
}

/// Every record has the oracle's values, field by field: no more, no fewer.
pub fn assert_same_values(context: &str, expected: &[Expected], read: &[SourceRecord]) {
    let by_id: HashMap<&str, &Expected> = expected.iter().map(|record| (record.id.as_str(), record)).collect();
    for record in read {
        let id = record.external.id.as_str();
        let expected = by_id.get(id).unwrap_or_else(|| panic!("{context}: {id} is not in the account"));
        assert_same(&format!("{context}: {id}"), expected, record);
    }
    // Cutting costs a parse for each attribute, and a few records show all there is to see.
    for record in read.iter().step_by(SPANS_EVERY) {
        assert_spans(&format!("{context}: {}", record.external.id), record);
    }
}

fn assert_same(context: &str, expected: &Expected, record: &SourceRecord) {
    assert_same_map(&format!("{context}: fields"), expected, &expected.fields, &record.fields);
    let mut attributes = BTreeMap::new();
    for attribute in &record.attributes {
        let before = attributes.insert(attribute.key.clone(), attribute.value.clone());
        assert!(before.is_none(), "{context}: the attribute {} comes twice", attribute.key);
        if let Some(field) = &attribute.canonical_field {
            assert_eq!(record.fields.get(field), Some(&attribute.value), "{context}: {} feeds {field}", attribute.key);
        }
    }
    assert_same_map(&format!("{context}: attributes"), expected, &expected.attributes, &attributes);
    let employee = record.employee.as_ref().map(|employee| employee.id.as_str());
    assert_eq!(employee, expected.employee.as_deref(), "{context}: whose it is");
}

fn assert_same_map(
    context: &str,
    record: &Expected,
    expected: &BTreeMap<String, Value>,
    read: &BTreeMap<String, Value>,
) {
    let keys = |map: &BTreeMap<String, Value>| map.keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(read), keys(expected), "{context}: which are there");
    for (key, wanted) in expected {
        let got = read.get(key).unwrap_or(&Value::Null);
        let maybe_nameless = record.maybe_nameless.contains(&key.as_str());
        assert!(agree(wanted, got, maybe_nameless), "{context}: {key}: expected {wanted}, read {got}");
    }
}

/// Whether two values say the same: moments in any zone, and references without a name where the vendor may omit it.
fn agree(wanted: &Value, got: &Value, maybe_nameless: bool) -> bool {
    if wanted == got {
        return true;
    }
    match (wanted, got) {
        (Value::String(wanted), Value::String(got)) => {
            let moment = |text: &str| DateTime::parse_from_rfc3339(text).ok();
            matches!((moment(wanted), moment(got)), (Some(wanted), Some(got)) if wanted == got)
        }
        (Value::Object(wanted), Value::Object(got)) if maybe_nameless => {
            let id = |object: &Map<String, Value>| object.get("id").cloned();
            got.get("name").is_some_and(Value::is_null) && id(wanted) == id(got)
        }
        _ => false,
    }
}

/// The vendor's bytes are one object, and each attribute can be cut out of them without a trace.
fn assert_spans(context: &str, record: &SourceRecord) {
    let whole = serde_json::from_slice::<Value>(&record.raw).unwrap_or_default();
    assert!(whole.is_object(), "{context}: the raw record is one object");
    for attribute in &record.attributes {
        let cut = record.raw_without(&HashSet::from([attribute.key.as_str()]));
        let cut: Value = serde_json::from_slice(&cut)
            .unwrap_or_else(|error| panic!("{context}: without {} it is no JSON: {error}", attribute.key));
        let depth = |value: &Value| count_key(value, &attribute.key);
        assert!(depth(&cut) < depth(&whole), "{context}: {} cannot be cut out", attribute.key);
    }
}

/// How often a key stands in an object or the objects inside it.
fn count_key(value: &Value, key: &str) -> usize {
    match value {
        Value::Object(members) => {
            usize::from(members.contains_key(key)) + members.values().map(|value| count_key(value, key)).sum::<usize>()
        }
        Value::Array(items) => items.iter().map(|value| count_key(value, key)).sum(),
        _ => 0,
    }
}
