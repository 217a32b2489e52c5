//! One record as a connector hands it over: canonical fields, attributes, and the vendor's bytes with the place of each
//! attribute in them.

use std::{collections::HashSet, fmt, ops::Range};

use bytes::Bytes;
use gangway_domain::record::{ExternalId, Fields};
use serde_json::Value;

/// A vendor's record, read.
#[derive(Clone)]
#[non_exhaustive]
pub struct SourceRecord {
    /// Its name in the vendor's account.
    pub external: ExternalId,
    /// Other names of the same object, in other id spaces.
    pub also: Vec<ExternalId>,
    /// Canonical fields; a missing key means that the vendor did not send it.
    pub fields: Fields,
    /// All attributes of an employee as sent, those that feed canonical fields included; empty for other streams.
    pub attributes: Vec<AttributeValue>,
    /// Whose absence or attendance it is.
    pub employee: Option<ExternalId>,
    /// The vendor's bytes of this record: one JSON object.
    pub raw: Bytes,
    /// Where each attribute lies in `raw`.
    pub spans: Vec<AttributeSpan>,
}

/// An attribute's value on one record.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AttributeValue {
    /// The vendor's key.
    pub key: String,
    /// The value, normalised like a canonical field: dates as dates, decimals as text, tags as a list.
    pub value: Value,
    /// The canonical field it feeds, if any.
    pub canonical_field: Option<String>,
    /// Currency of an amount.
    pub currency: Option<String>,
}

impl AttributeValue {
    /// An attribute that feeds no canonical field.
    pub fn new(key: impl Into<String>, value: Value) -> Self {
        Self { key: key.into(), value, canonical_field: None, currency: None }
    }

    /// Names the canonical field it feeds.
    pub fn with_canonical_field(mut self, field: Option<&str>) -> Self {
        self.canonical_field = field.map(str::to_owned);
        self
    }

    /// Sets the currency.
    pub fn with_currency(mut self, currency: Option<String>) -> Self {
        self.currency = currency;
        self
    }
}

/// Where the member `"key": …` of an attribute lies in a record's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeSpan {
    /// The vendor's key.
    pub key: String,
    /// From the key's opening quote to the end of the value.
    pub range: Range<usize>,
}

impl SourceRecord {
    /// A record without attributes, aliases and spans.
    pub fn new(external: ExternalId, fields: Fields, raw: Bytes) -> Self {
        Self { external, also: Vec::new(), fields, attributes: Vec::new(), employee: None, raw, spans: Vec::new() }
    }

    /// The vendor's bytes with the members of these keys cut out; what remains is valid JSON.
    pub fn raw_without(&self, keys: &HashSet<&str>) -> Vec<u8> {
        let mut cuts: Vec<Range<usize>> =
            self.spans.iter().filter(|span| keys.contains(span.key.as_str())).map(|span| span.range.clone()).collect();
        cuts.sort_by_key(|range| (range.start, range.end));

        let mut kept = Vec::with_capacity(self.raw.len());
        let mut position = 0;
        for run in neighbours_joined(&self.raw, cuts) {
            let run = with_one_comma(&self.raw, run);
            if let Some(before) = self.raw.get(position..run.start) {
                kept.extend_from_slice(before);
            }
            position = position.max(run.end);
        }
        if let Some(rest) = self.raw.get(position..) {
            kept.extend_from_slice(rest);
        }
        kept
    }
}

/// Joins cuts with nothing but a comma between them, so that a run of cut members loses its commas as a whole.
fn neighbours_joined(raw: &[u8], cuts: Vec<Range<usize>>) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::with_capacity(cuts.len());
    for cut in cuts {
        match runs.last_mut() {
            Some(run) if cut.start <= run.end || is_only_comma(raw.get(run.end..cut.start)) => {
                run.end = run.end.max(cut.end);
            }
            _ => runs.push(cut),
        }
    }
    runs
}

fn is_only_comma(between: Option<&[u8]>) -> bool {
    between.is_some_and(|bytes| bytes.iter().all(|byte| *byte == b',' || byte.is_ascii_whitespace()))
}

/// Widens a cut by the comma before it or, at the start of the object, by the one after it.
fn with_one_comma(raw: &[u8], run: Range<usize>) -> Range<usize> {
    let before = raw.get(..run.start).unwrap_or_default();
    if let Some(at) = before.iter().rposition(|byte| !byte.is_ascii_whitespace())
        && before.get(at) == Some(&b',')
    {
        return at..run.end;
    }
    let after = raw.get(run.end..).unwrap_or_default();
    if let Some(at) = after.iter().position(|byte| !byte.is_ascii_whitespace())
        && after.get(at) == Some(&b',')
    {
        return run.start..run.end + at + 1;
    }
    run
}

impl fmt::Debug for SourceRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceRecord")
            .field("external", &self.external)
            .field("fields", &self.fields.keys())
            .field("raw_bytes", &self.raw.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for AttributeValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AttributeValue").field("key", &self.key).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(raw: &'static str, keys: &[&str]) -> SourceRecord {
        let mut record = SourceRecord::new(
            ExternalId { source: "test".into(), id: "1".into() },
            Fields::new(),
            Bytes::from_static(raw.as_bytes()),
        );
        for key in keys {
            let start = raw.find(&format!("\"{key}\"")).unwrap();
            let length = raw[start..].find(['0', '1', '2']).unwrap() + 1;
            record.spans.push(AttributeSpan { key: (*key).to_owned(), range: start..start + length });
        }
        record
    }

    #[test]
    fn any_set_of_members_can_be_cut_out() {
        let record = record(r#"{ "a" : 0 , "b":1,"c": 2 }"#, &["a", "b", "c"]);
        for mask in 0..8_u32 {
            let keys: HashSet<&str> = ["a", "b", "c"]
                .into_iter()
                .enumerate()
                .filter(|(bit, _)| mask & (1 << bit) != 0)
                .map(|(_, key)| key)
                .collect();
            let kept: Value = serde_json::from_slice(&record.raw_without(&keys)).unwrap();
            for key in ["a", "b", "c"] {
                assert_eq!(kept.get(key).is_none(), keys.contains(key), "{mask}");
            }
        }
    }

    #[test]
    fn debug_shows_no_values() {
        let mut record = record(r#"{"a":0}"#, &["a"]);
        record.fields.insert("email".into(), Value::String("canary@example.org".into()));
        record.attributes.push(AttributeValue::new("a", Value::String("canary".into())));
        assert!(!format!("{record:?} {:?}", record.attributes).contains("canary"));
    }

    #[test]
    fn damaged_spans_do_not_panic() {
        let mut record = record(r#"{"a":0}"#, &["a"]);
        record.spans.push(AttributeSpan { key: "a".into(), range: 900..1000 });
        record.raw_without(&HashSet::from(["a"]));
    }
}
