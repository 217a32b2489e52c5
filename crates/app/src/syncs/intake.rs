//! What of a vendor's record is kept: in clear, sealed, or not at all; and the hash that tells whether it changed.
//!
//! Pure: no database, no clock. An attribute that is not selected leaves the canonical field it feeds, the attributes and the
//! vendor's bytes; a selected sensitive one moves into the sealed part, and so do canonical fields that hold free text. Whether
//! the connector or the tenant's mapping says which field an attribute feeds makes no difference to that.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use gangway_connector::{AttributeValue, SourceRecord};
use gangway_domain::{
    mapping::{Feed, field_kind},
    record::{ExternalId, Fields, SENSITIVE_FIELDS, Stream, VOLATILE_FIELDS},
};
use gangway_vault::HashKey;
use serde_json::{Value, json};

use super::{columns, sealed::SealedPart};
use crate::{
    attributes::{Selection, Treatment},
    mapping::fit,
};

/// A vendor's record, sorted into what is kept how.
pub(super) struct Incoming {
    /// Its name at the vendor.
    pub(super) external: ExternalId,
    /// Other names of the same object.
    pub(super) also: Vec<ExternalId>,
    /// Whose absence or attendance it is.
    pub(super) employee: Option<ExternalId>,
    /// Canonical fields, kept in clear.
    pub(super) fields: Fields,
    /// Attributes, kept in clear.
    pub(super) attributes: BTreeMap<String, Value>,
    /// What is kept sealed.
    pub(super) sealed: SealedPart,
    /// Canonical fields that are not kept, even if an older reading kept them.
    pub(super) cleared: BTreeSet<String>,
    /// Attribute keys whose value went into a canonical field.
    pub(super) placed: BTreeSet<String>,
    /// Attribute keys that nobody has decided about.
    pub(super) undecided: Vec<String>,
    /// Keyed hash of all that is kept.
    pub(super) hash: [u8; 32],
    /// The record as it came, fields and attributes taken out.
    source: SourceRecord,
    /// Attribute keys whose members do not stay in the vendor's bytes.
    cut: HashSet<String>,
}

impl Incoming {
    /// Every name it goes by.
    pub(super) fn names(&self) -> impl Iterator<Item = &ExternalId> {
        std::iter::once(&self.external).chain(&self.also)
    }

    /// Whether every name fits its column.
    pub(super) fn has_good_names(&self) -> bool {
        self.names().all(|name| columns::holds_name(&name.id))
    }

    /// The vendor's bytes as they came; not to be kept where attributes are chosen.
    pub(super) fn whole(&self) -> &[u8] {
        &self.source.raw
    }

    /// The vendor's bytes, what is not selected cut out. Made on demand: most records on a page have not changed.
    pub(super) fn raw(&self) -> Vec<u8> {
        if self.cut.is_empty() {
            return self.source.raw.to_vec();
        }
        self.source.raw_without(&self.cut.iter().map(String::as_str).collect())
    }
}

/// Whether a tenant chooses among the stream's attributes. Where there is no choice, the vendor's bytes are kept whole.
pub(crate) const fn has_catalogue(stream: Stream) -> bool {
    match stream {
        Stream::Employees => true,
        Stream::Absences | Stream::Attendances => false,
    }
}

/// What becomes of one attribute.
fn treatment(selection: &Selection, attribute: &AttributeValue) -> Treatment {
    // Where the vendor's list of attributes is closed to us, the fields of the canonical model are kept all the same: none of
    // them is sensitive by itself.
    if attribute.canonical_field.is_some() && !selection.knows(&attribute.key) {
        return Treatment::Store;
    }
    selection.treatment(&attribute.key)
}

/// Sorts a record.
pub(super) fn take_in(mut source: SourceRecord, stream: Stream, selection: &Selection, hash_key: &HashKey) -> Incoming {
    place(&mut source, selection);
    let mut fields = std::mem::take(&mut source.fields);
    let mut attributes = BTreeMap::new();
    let mut sealed = SealedPart::default();
    let mut cleared = BTreeSet::new();
    let mut placed = BTreeSet::new();
    let mut undecided = Vec::new();
    let mut cut = HashSet::new();
    let mut named = HashSet::new();
    let mut in_clear: Vec<(String, Value)> = Vec::new();

    for attribute in std::mem::take(&mut source.attributes) {
        let how = treatment(selection, &attribute);
        named.insert(attribute.key.clone());
        if how != Treatment::Store
            && let Some(field) = &attribute.canonical_field
        {
            cleared.insert(field.clone());
        }
        match how {
            Treatment::Store => match attribute.canonical_field.clone() {
                Some(field) => {
                    placed.insert(attribute.key);
                    in_clear.push((field, attribute.value));
                }
                None => drop(attributes.insert(attribute.key.clone(), value_of(attribute))),
            },
            Treatment::Seal => drop(sealed.attributes.insert(attribute.key.clone(), value_of(attribute))),
            Treatment::Drop => {
                if !selection.knows(&attribute.key) && columns::holds_key(&attribute.key) {
                    undecided.push(attribute.key.clone());
                }
                cut.insert(attribute.key);
            }
        }
    }
    // A field that two attributes feed has its value from the one that is kept in clear, whichever the connector took.
    cleared.retain(|field| {
        fields.remove(field);
        let value = in_clear.iter().position(|(fed, _)| fed == field).map(|at| in_clear.swap_remove(at).1);
        let is_cleared = value.is_none();
        fields.extend(value.map(|value| (field.clone(), value)));
        is_cleared
    });
    // A member whose value the connector could not name is cut as well: unsure is sensitive.
    for span in &source.spans {
        if !named.contains(&span.key) && selection.treatment(&span.key) == Treatment::Drop {
            cut.insert(span.key.clone());
        }
    }
    if !has_catalogue(stream) {
        cut.clear();
    }
    for field in SENSITIVE_FIELDS {
        if let Some(value) = fields.remove(*field) {
            sealed.fields.insert((*field).to_owned(), value);
        }
    }
    let hash = hash_key.hash(&canonical(&version(selection), &fields, &attributes, &sealed));
    Incoming {
        external: source.external.clone(),
        also: std::mem::take(&mut source.also),
        employee: source.employee.take(),
        fields,
        attributes,
        sealed,
        cleared,
        placed,
        undecided,
        hash,
        source,
        cut,
    }
}

/// Feeds the canonical fields as the tenant's mapping says. A value that does not fit its field stays an attribute, and the field
/// has none.
fn place(source: &mut SourceRecord, selection: &Selection) {
    let Some(mapping) = selection.mapping() else { return };
    for (field, _) in selection.own_feeds() {
        source.fields.remove(field);
    }
    for attribute in &mut source.attributes {
        let built_in = attribute.canonical_field.take();
        let Some(field) = mapping.field_of(&attribute.key, built_in.as_deref()) else { continue };
        let is_own = *mapping.feed(field) != Feed::BuiltIn;
        // A key that no list names any more is nothing that anybody chose.
        if is_own && !selection.knows(&attribute.key) {
            continue;
        }
        if is_own && selection.treatment(&attribute.key) == Treatment::Store {
            let fitted = field_kind(field).and_then(|kind| fit(kind, &attribute.value).ok());
            source.fields.insert(field.to_owned(), fitted.clone().unwrap_or_default());
            let Some(fitted) = fitted else { continue };
            attribute.value = fitted;
        }
        attribute.canonical_field = Some(field.to_owned());
    }
}

/// What a record's hash says about how it is kept.
fn version(selection: &Selection) -> String {
    match selection.mapping_version() {
        0 => selection.version().to_owned(),
        mapping => format!("{}.{mapping}", selection.version()),
    }
}

fn value_of(attribute: AttributeValue) -> Value {
    let AttributeValue { value, currency, .. } = attribute;
    match currency {
        Some(currency) => json!({ "value": value, "currency": currency }),
        None => value,
    }
}

/// The bytes that are hashed: every kept value but the volatile ones, in an order of their own.
fn canonical(version: &str, fields: &Fields, attributes: &BTreeMap<String, Value>, sealed: &SealedPart) -> Vec<u8> {
    let mut out = Vec::with_capacity(1_024);
    write_text(version, &mut out);
    let steady = fields.iter().filter(|(field, _)| !VOLATILE_FIELDS.contains(&field.as_str()));
    write_members(steady, &mut out);
    write_members(attributes.iter(), &mut out);
    write_members(sealed.fields.iter(), &mut out);
    write_members(sealed.attributes.iter(), &mut out);
    out
}

fn write_members<'a>(members: impl Iterator<Item = (&'a String, &'a Value)>, out: &mut Vec<u8>) {
    out.push(b'{');
    for (key, value) in members {
        write_text(key, out);
        write_value(value, out);
    }
    out.push(b'}');
}

/// Length-prefixed, so that no two different records have the same bytes.
fn write_text(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(&(text.len() as u64).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

fn write_value(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.push(b'0'),
        Value::Bool(value) => out.push(if *value { b't' } else { b'f' }),
        Value::Number(number) => {
            out.push(b'n');
            write_text(&number.to_string(), out);
        }
        Value::String(text) => {
            out.push(b's');
            write_text(text, out);
        }
        Value::Array(items) => {
            out.push(b'[');
            for item in items {
                write_value(item, out);
            }
            out.push(b']');
        }
        // A vendor may send the members of an object in any order.
        Value::Object(members) => {
            let sorted: BTreeMap<&String, &Value> = members.iter().collect();
            out.push(b'{');
            for (key, value) in sorted {
                write_text(key, out);
                write_value(value, out);
            }
            out.push(b'}');
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use gangway_connector::AttributeSpan;
    use gangway_domain::{
        id::{AttributeId, ConnectionId},
        record::Stream,
        schema::{AttributeClass, AttributeType},
    };
    use uuid::Uuid;

    use super::*;
    use crate::attributes::Attribute;

    fn attribute(key: &str, class: AttributeClass, selected: bool) -> Attribute {
        Attribute {
            id: AttributeId::from_uuid(Uuid::nil()),
            connection: ConnectionId::from_uuid(Uuid::nil()),
            stream: Stream::Employees,
            key: key.to_owned(),
            label: key.to_owned(),
            kind: AttributeType::Text,
            universal_id: None,
            options: Vec::new(),
            is_custom: true,
            canonical_field: None,
            class,
            class_reason: String::new(),
            selected,
            position: 0,
            first_seen_at: DateTime::<Utc>::UNIX_EPOCH,
            last_seen_at: DateTime::<Utc>::UNIX_EPOCH,
            removed_at: None,
            restricted_at: None,
        }
    }

    fn selection() -> Selection {
        Selection::of(&[
            attribute("shirt", AttributeClass::Standard, true),
            attribute("salary", AttributeClass::Sensitive, true),
            attribute("iban", AttributeClass::Sensitive, false),
            attribute("gender", AttributeClass::Standard, false),
        ])
    }

    fn record() -> SourceRecord {
        let raw = r#"{"shirt":1,"salary":2,"iban":3,"gender":4,"odd":5}"#;
        let external = ExternalId { source: "test".into(), id: "1".into() };
        let fields = [("gender".to_owned(), json!("female")), ("email".to_owned(), json!("a@example.org"))];
        let mut record = SourceRecord::new(external, fields.into(), raw.as_bytes().to_vec().into());
        for key in ["shirt", "salary", "iban", "gender", "odd"] {
            let start = raw.find(&format!("\"{key}\"")).unwrap();
            let end = start + raw[start..].find([',', '}']).unwrap();
            record.spans.push(AttributeSpan { key: key.to_owned(), range: start..end });
        }
        record.attributes = vec![
            AttributeValue::new("shirt", json!("L")),
            AttributeValue::new("salary", json!("5000")).with_currency(Some("EUR".into())),
            AttributeValue::new("iban", json!("DE00")),
            AttributeValue::new("gender", json!("female")).with_canonical_field(Some("gender")),
            AttributeValue::new("email", json!("a@example.org")).with_canonical_field(Some("email")),
        ];
        record
    }

    #[test]
    fn a_field_that_two_attributes_feed_is_kept_in_clear_by_the_one_that_is_stored() {
        let feeding = |key: &str, selected| Attribute {
            canonical_field: Some("employment_type".to_owned()),
            ..attribute(key, AttributeClass::Standard, selected)
        };
        let taken = |of_old, of_new| {
            let mut record = record();
            // The connector takes the first of them.
            record.fields.insert("employment_type".to_owned(), json!("of old"));
            record.attributes = [("old", "of old"), ("new", "of new")]
                .map(|(key, value)| {
                    AttributeValue::new(key, json!(value)).with_canonical_field(Some("employment_type"))
                })
                .into();
            let selection = Selection::of(&[feeding("old", of_old), feeding("new", of_new)]);
            let hash_key = HashKey::from_secret_bytes(&[7; 32]).unwrap();
            let taken = take_in(record, Stream::Employees, &selection, &hash_key);
            (taken.fields.get("employment_type").cloned(), taken.cleared.len())
        };
        assert_eq!(taken(true, true), (Some(json!("of old")), 0));
        assert_eq!(taken(true, false), (Some(json!("of old")), 0));
        assert_eq!(taken(false, true), (Some(json!("of new")), 0), "nothing of the other one");
        assert_eq!(taken(false, false), (None, 1));
    }

    fn taken(record: SourceRecord, stream: Stream) -> Incoming {
        take_in(record, stream, &selection(), &HashKey::from_secret_bytes(&[7; 32]).unwrap())
    }

    fn hash(record: SourceRecord) -> [u8; 32] {
        taken(record, Stream::Employees).hash
    }

    #[test]
    fn each_attribute_goes_where_the_choice_sends_it() {
        let taken = taken(record(), Stream::Employees);
        assert_eq!(taken.attributes, [("shirt".to_owned(), json!("L"))].into());
        assert_eq!(
            taken.sealed.attributes,
            [("salary".to_owned(), json!({"value": "5000", "currency": "EUR"}))].into()
        );
        assert_eq!(taken.fields.keys().collect::<Vec<_>>(), ["email"]);
        assert_eq!(taken.cleared, ["gender".to_owned()].into());
        let raw: Value = serde_json::from_slice(&taken.raw()).unwrap();
        assert_eq!(raw, json!({"shirt": 1, "salary": 2}));
    }

    #[test]
    fn free_text_is_sealed() {
        let mut absence = record();
        absence.fields.insert("comment".into(), json!("ill"));
        absence.fields.insert("certificate_status".into(), Value::Null);
        let taken = taken(absence, Stream::Absences);
        let expected = [("certificate_status".to_owned(), Value::Null), ("comment".to_owned(), json!("ill"))];
        assert_eq!(taken.sealed.fields, expected.into());
        assert!(!taken.fields.contains_key("comment") && !taken.fields.contains_key("certificate_status"));
    }

    #[test]
    fn bytes_are_cut_only_where_there_is_a_choice() {
        for stream in [Stream::Absences, Stream::Attendances] {
            assert_eq!(taken(record(), stream).raw(), record().raw);
        }
    }

    #[test]
    fn the_hash_follows_what_is_kept_and_nothing_else() {
        let base = hash(record());
        let with = |change: fn(&mut SourceRecord)| {
            let mut record = record();
            change(&mut record);
            hash(record)
        };
        assert_eq!(base, with(|it| it.attributes[2].value = json!("DE99")));
        assert_eq!(base, with(|it| drop(it.fields.insert("updated_at".into(), json!("now")))));
        assert_eq!(base, with(|it| it.attributes.reverse()));
        assert_ne!(base, with(|it| it.attributes[0].value = json!("XL")));
        assert_ne!(base, with(|it| it.attributes[1].value = json!("5001")));
        assert_ne!(base, with(|it| drop(it.fields.insert("email".into(), json!("b@example.org")))));
        assert_ne!(base, with(|it| drop(it.fields.insert("team".into(), Value::Null))));
        assert_ne!(base, with(|it| drop(it.fields.insert("comment".into(), json!("ill")))));
    }

    #[test]
    fn no_two_different_records_have_the_same_bytes() {
        let fields = |members: &[(&str, Value)]| -> Vec<u8> {
            let fields: Fields = members.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
            canonical("v", &fields, &BTreeMap::new(), &SealedPart::default())
        };
        let different = [
            fields(&[("a", json!("b")), ("c", json!("d"))]),
            fields(&[("a", json!("bcd"))]),
            fields(&[("a", json!(["b", "c"]))]),
            fields(&[("a", json!(["bc"]))]),
            fields(&[("a", json!([["b"], "c"]))]),
            fields(&[("a", json!({"b": "c"}))]),
            fields(&[("a", json!("1"))]),
            fields(&[("a", json!(1))]),
            fields(&[("a", json!(true))]),
            fields(&[("a", Value::Null)]),
            fields(&[]),
        ];
        let distinct: HashSet<&Vec<u8>> = different.iter().collect();
        assert_eq!(distinct.len(), different.len());
        assert_eq!(fields(&[("a", json!({"x": 1, "y": 2}))]), fields(&[("a", json!({"y": 2, "x": 1}))]));
    }
}
