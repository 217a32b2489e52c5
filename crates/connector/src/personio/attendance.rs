//! Attendances: the vendor keeps the id outside `attributes` and the employee as a bare number; the guide has them flat with
//! `employee: {id}`.

use bytes::Bytes;
use serde_json::value::RawValue;

use super::{
    item::{Bad, FieldRule, Item, owner, rule},
    value,
};
use crate::contract::SourceRecord;

const RULES: &[FieldRule] = &[
    rule("date", &["date"], value::date),
    rule("starts_at", &["start_time"], value::time),
    rule("ends_at", &["end_time"], value::time),
    rule("break_minutes", &["break"], value::integer),
    rule("status", &["status"], value::word),
    rule("comment", &["comment"], value::plain_text),
    rule("project", &["project"], value::reference),
    rule("is_holiday", &["is_holiday"], value::boolean),
    rule("is_time_off", &["is_on_time_off"], value::boolean),
    rule("updated_at", &["updated_at"], value::moment),
];

/// Whether a canonical field is ever told.
pub(super) fn tells(field: &str) -> bool {
    matches!(field, "employee") || RULES.iter().any(|rule| rule.field == field)
}

/// Reads one attendance.
pub(super) fn read(raw: &RawValue, bytes: Bytes) -> Result<SourceRecord, Bad> {
    let item = Item::open(raw)?;
    let id = item.id()?;
    let read = || -> Result<SourceRecord, Bad> {
        let mut fields = item.fields(RULES)?;
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
