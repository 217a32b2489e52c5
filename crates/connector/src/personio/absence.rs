//! Absences (time-offs), nested as the vendor sends them or flat as the guide has them.

use bytes::Bytes;
use serde_json::{Value, value::RawValue};

use super::{
    item::{Bad, FieldRule, Item, owner, rule},
    json::{Refusal, Shape, is_empty, member, members, shape},
    value,
};
use crate::contract::SourceRecord;

const RULES: &[FieldRule] = &[
    rule("status", &["status"], value::word),
    rule("starts_on", &["start_date"], value::date),
    rule("ends_on", &["end_date"], value::date),
    rule("half_day_start", &["half_day_start"], value::boolean),
    rule("half_day_end", &["half_day_end"], value::boolean),
    rule("days", &["days_count"], value::decimal),
    rule("comment", &["comment"], value::plain_text),
    rule("certificate_status", &["certificate"], certificate_status),
    rule("created_at", &["created_at"], value::moment),
    rule("updated_at", &["updated_at"], value::moment),
];

/// Whether a canonical field is ever told.
pub(super) fn tells(field: &str) -> bool {
    matches!(field, "type" | "employee") || RULES.iter().any(|rule| rule.field == field)
}

/// Reads one absence.
pub(super) fn read(raw: &RawValue, bytes: Bytes) -> Result<SourceRecord, Bad> {
    let item = Item::open(raw)?;
    let id = item.id()?;
    let read = || -> Result<SourceRecord, Bad> {
        let mut fields = item.fields(RULES)?;
        let kind = if item.is_flat { &["time_off_type", "type"][..] } else { &["time_off_type"][..] };
        if let Some(kind) = item.first_value(kind)? {
            let reference = value::reference(kind).map_err(|refusal| Bad::field("type", refusal))?;
            fields.insert("type".to_owned(), reference);
        }
        let owner = owner(&item)?;
        if let Some((_, reference)) = &owner {
            fields.insert("employee".to_owned(), reference.clone());
        }
        let mut record = item.record(id.clone(), fields, bytes)?;
        record.employee = owner.map(|(external, _)| external);
        Ok(record)
    };
    read().map_err(|bad| Bad { external_id: Some(id.clone()), ..bad })
}

/// `{status}`, or the bare word.
pub(super) fn certificate_status(raw: &RawValue) -> Result<Value, Refusal> {
    if is_empty(raw) {
        return Ok(Value::Null);
    }
    if shape(raw) != Shape::Object {
        return value::word(raw);
    }
    let members = members(raw)?;
    member(&members, "status").map_or(Ok(Value::Null), value::word)
}
