//! One item of a list, whatever its dress: `{type, attributes}`, `{id, type, attributes}`, or flat.

use bytes::Bytes;
use gangway_domain::record::{ExternalId, Fields};
use serde_json::{Value, value::RawValue};

use super::{
    json::{Member, Refusal, Shape, TOO_MANY_MEMBERS, member, members, shape},
    limits::MAX_MEMBERS,
    value::{self, unwrapped},
};
use crate::contract::{AttributeSpan, BadRecord, SourceRecord};

/// Id space of version 1.
pub(super) const V1: &str = "personio.v1";
/// Id space of version 2, whose ids version 1 names in `id_v2`.
pub(super) const V2: &str = "personio.v2";

/// An item taken apart.
pub(super) struct Item<'a> {
    /// The members beside a nested `attributes` object, then those inside, which win.
    pub(super) members: Vec<Member<'a>>,
    /// The item had no `attributes` object.
    pub(super) is_flat: bool,
    raw: &'a RawValue,
}

/// The envelope's own type is no attribute; in a flat absence `type` is the kind of absence.
fn is_envelope_type(raw: &RawValue) -> bool {
    matches!(raw.get(), "\"Employee\"" | "\"TimeOffType\"" | "\"TimeOffPeriod\"" | "\"AttendancePeriod\"")
}

/// A reason to set a record aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bad {
    pub(super) external_id: Option<String>,
    pub(super) reason: String,
}

impl Bad {
    pub(super) fn field(field: &str, refusal: Refusal) -> Self {
        Self { external_id: None, reason: format!("{field} {refusal}") }
    }

    pub(super) fn into_record(self, raw: Bytes) -> BadRecord {
        BadRecord::new(self.external_id, self.reason, raw)
    }
}

impl<'a> Item<'a> {
    pub(super) fn open(raw: &'a RawValue) -> Result<Self, Bad> {
        Self::take_apart(raw).map_err(|(part, refusal)| Bad::field(part, refusal))
    }

    /// Opens an item; a refusal comes with the part that it is about.
    pub(super) fn take_apart(raw: &'a RawValue) -> Result<Self, (&'static str, Refusal)> {
        let outer = members(raw).map_err(|refusal| ("the record", refusal))?;
        let mut nested = Vec::new();
        let mut found = Vec::with_capacity(outer.len());
        let mut is_flat = true;
        for entry in outer {
            if entry.key == "attributes" && shape(entry.value) == Shape::Object {
                is_flat = false;
                nested.extend(members(entry.value).map_err(|refusal| ("attributes", refusal))?);
                // The key may be repeated, and each time with as many.
                if nested.len() > MAX_MEMBERS {
                    return Err(("the record", TOO_MANY_MEMBERS));
                }
            } else if entry.key != "type" || !is_envelope_type(entry.value) {
                found.push(entry);
            }
        }
        if member(&nested, "id").is_some() {
            found.retain(|entry| entry.key != "id");
        }
        found.extend(nested);
        if found.len() > MAX_MEMBERS {
            return Err(("the record", TOO_MANY_MEMBERS));
        }
        Ok(Self { members: found, is_flat, raw })
    }

    /// The bare value of an attribute: none when the vendor did not send it.
    pub(super) fn value(&self, key: &str) -> Result<Option<&'a RawValue>, Bad> {
        match member(&self.members, key) {
            Some(raw) => Ok(unwrapped(raw).map_err(|refusal| Bad::field(key, refusal))?.value),
            None => Ok(None),
        }
    }

    /// The first of these keys that the vendor sent.
    pub(super) fn first_value(&self, keys: &[&str]) -> Result<Option<&'a RawValue>, Bad> {
        for key in keys {
            if let Some(value) = self.value(key)? {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    /// The record's id.
    pub(super) fn id(&self) -> Result<String, Bad> {
        let raw = self.value("id")?.ok_or_else(|| Bad::field("id", "is missing"))?;
        value::id(raw).map_err(|refusal| Bad::field("id", refusal))?.ok_or_else(|| Bad::field("id", "is empty"))
    }

    /// Reads canonical fields: name, vendor keys in order of preference, reader.
    pub(super) fn fields(&self, table: &[FieldRule]) -> Result<Fields, Bad> {
        let mut fields = Fields::new();
        for FieldRule { field, keys, read } in table {
            if let Some(raw) = self.first_value(keys)? {
                let value = read(raw).map_err(|refusal| Bad::field(field, refusal))?;
                fields.insert((*field).to_owned(), value);
            }
        }
        Ok(fields)
    }

    /// Names of the same object in other id spaces.
    pub(super) fn aliases(&self) -> Result<Vec<ExternalId>, Bad> {
        let id = self.value("id_v2")?.and_then(|raw| value::id(raw).ok().flatten());
        Ok(id.map(|id| external(V2, id)).into_iter().collect())
    }

    /// A record of these fields, with its other name and the places of its members.
    pub(super) fn record(&self, id: String, fields: Fields, raw: Bytes) -> Result<SourceRecord, Bad> {
        let mut record = SourceRecord::new(external(V1, id), fields, raw);
        record.also = self.aliases()?;
        let whole = self.raw.get();
        record.spans = self
            .members
            .iter()
            .filter_map(|entry| {
                Some(AttributeSpan { key: entry.key.clone().into_owned(), range: entry.range_in(whole)? })
            })
            .collect();
        Ok(record)
    }
}

/// How one canonical field is read.
pub(super) struct FieldRule {
    pub(super) field: &'static str,
    pub(super) keys: &'static [&'static str],
    pub(super) read: fn(&RawValue) -> Result<Value, Refusal>,
}

/// Shorthand for the tables of rules.
pub(super) const fn rule(
    field: &'static str,
    keys: &'static [&'static str],
    read: fn(&RawValue) -> Result<Value, Refusal>,
) -> FieldRule {
    FieldRule { field, keys, read }
}

/// Whether an item has no `attributes` object.
pub(super) fn is_flat(raw: &RawValue) -> bool {
    members(raw).is_ok_and(|members| {
        !members.iter().any(|entry| entry.key == "attributes" && shape(entry.value) == Shape::Object)
    })
}

pub(super) fn external(source: &str, id: String) -> ExternalId {
    ExternalId { source: source.to_owned(), id }
}

/// Whose absence or attendance it is, and the same as a canonical reference. The name is left out: it is the employee's to
/// tell, and a new surname must not look like a change of every absence.
pub(super) fn owner(item: &Item<'_>) -> Result<Option<(ExternalId, Value)>, Bad> {
    let Some(raw) = item.first_value(&["employee", "employee_id"])? else { return Ok(None) };
    let id = value::id(raw).map_err(|refusal| Bad::field("employee", refusal))?;
    Ok(id.map(|id| {
        let reference = serde_json::json!({"id": id, "name": null});
        (external(V1, id), reference)
    }))
}
