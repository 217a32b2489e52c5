//! Employees: canonical fields and all attributes.

use std::collections::HashMap;

use bytes::Bytes;
use serde_json::value::RawValue;

use super::{
    item::{Bad, FieldRule, Item, rule},
    value::{self, unwrapped},
};
use crate::contract::{AttributeValue, SourceRecord};

/// Canonical fields of an employee. The guide calls the employment type `employee_type`.
pub(super) const RULES: &[FieldRule] = &[
    rule("first_name", &["first_name"], value::plain_text),
    rule("last_name", &["last_name"], value::plain_text),
    rule("preferred_name", &["preferred_name"], value::plain_text),
    rule("email", &["email"], value::plain_text),
    rule("gender", &["gender"], value::word),
    rule("status", &["status"], value::word),
    rule("position", &["position"], value::plain_text),
    rule("department", &["department"], value::reference),
    rule("office", &["office"], value::reference),
    rule("team", &["team"], value::reference),
    rule("legal_entity", &["subcompany"], value::reference),
    rule("supervisor", &["supervisor"], value::person),
    rule("cost_centers", &["cost_centers"], value::cost_centers),
    rule("hire_date", &["hire_date"], value::date),
    rule("contract_end_date", &["contract_end_date"], value::date),
    rule("termination_date", &["termination_date"], value::date),
    rule("last_working_day", &["last_working_day"], value::date),
    rule("weekly_hours", &["weekly_working_hours"], value::decimal),
    rule("employment_type", &["employment_type", "employee_type"], value::word),
    rule("picture_url", &["profile_picture"], value::plain_text),
    rule("created_at", &["created_at"], value::moment),
    rule("updated_at", &["last_modified_at"], value::moment),
];

/// Keys of the vendor that feed no canonical field; everything else is a company's own.
const OTHER_KEYS: &[&str] = &[
    "id",
    "absence_entitlement",
    "fix_salary",
    "fix_salary_interval",
    "holiday_calendar",
    "hourly_salary",
    "probation_period_end",
    "termination_reason",
    "termination_type",
    "vacation_day_balance",
    "work_schedule",
];

/// The canonical field that a vendor key feeds.
pub(super) fn canonical_field(key: &str) -> Option<&'static str> {
    RULES.iter().find(|rule| rule.keys.contains(&key)).map(|rule| rule.field)
}

/// Whether the company made the attribute rather than the vendor.
pub(super) fn is_custom(key: &str) -> bool {
    key.starts_with("dynamic_") || (canonical_field(key).is_none() && !OTHER_KEYS.contains(&key))
}

/// Reads one employee.
pub(super) fn read(raw: &RawValue, bytes: Bytes) -> Result<SourceRecord, Bad> {
    let item = Item::open(raw)?;
    let id = item.id()?;
    read_item(&item, &id, bytes)
}

/// Reads one employee whose bytes may lack the id, which is known otherwise.
pub(super) fn read_stored(raw: &RawValue, id: &str, bytes: Bytes) -> Result<SourceRecord, Bad> {
    read_item(&Item::open(raw)?, id, bytes)
}

fn read_item(item: &Item<'_>, id: &str, bytes: Bytes) -> Result<SourceRecord, Bad> {
    let read = || -> Result<SourceRecord, Bad> {
        let fields = item.fields(RULES)?;
        let attributes = attributes(item)?;
        let mut record = item.record(id.to_owned(), fields, bytes)?;
        record.attributes = attributes;
        Ok(record)
    };
    read().map_err(|bad| Bad { external_id: Some(id.to_owned()), ..bad })
}

fn attributes(item: &Item<'_>) -> Result<Vec<AttributeValue>, Bad> {
    let mut list: Vec<AttributeValue> = Vec::with_capacity(item.members.len());
    // Among duplicates the last one counts, at its own place.
    let places: HashMap<&str, usize> = item.members.iter().enumerate().map(|(at, entry)| (&*entry.key, at)).collect();
    for (at, entry) in item.members.iter().enumerate() {
        let key = &*entry.key;
        if places.get(key) != Some(&at) {
            continue;
        }
        let opened = unwrapped(entry.value).map_err(|refusal| Bad::field("an attribute", refusal))?;
        let Some(raw) = opened.value else { continue };
        let canonical = RULES.iter().find(|rule| rule.keys.contains(&key));
        let value = match canonical {
            Some(rule) => (rule.read)(raw),
            None => value::by_type(raw, opened.kind().as_deref()),
        };
        let value = value.map_err(|refusal| Bad::field(key_to_show(key), refusal))?;
        list.push(
            AttributeValue::new(key, value)
                .with_canonical_field(canonical.map(|rule| rule.field))
                .with_currency(opened.currency()),
        );
    }
    Ok(list)
}

/// A key fit for a message; one that looks like data is not shown.
fn key_to_show(key: &str) -> &str {
    let is_key = key.len() <= 64 && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_key { key } else { "a custom attribute" }
}
