//! A person and their employment, arranged as one employee of version 1.
//!
//! The values stay as they came; what is arranged are their names, so that an employee has the same attributes in both versions:
//! a tenant's choice and mapping name them. What version 2 does not tell (absence entitlement, work schedule, salaries) is not
//! there, like an attribute that may not be read.

use std::collections::HashSet;

use serde_json::{Value, json, value::RawValue};

use super::units::{Kind, Units, id_of};
use crate::personio::{
    employee,
    item::Bad,
    json::{Member, Refusal, Shape, elements, is_empty, member, members, shape, text},
    value,
};

/// Members that have the same name, or another one, in version 1.
const OF_PERSON: [(&str, &str); 6] = [
    ("first_name", "first_name"),
    ("last_name", "last_name"),
    ("preferred_name", "preferred_name"),
    ("email", "email"),
    ("created_at", "created_at"),
    ("updated_at", "last_modified_at"),
];
const OF_EMPLOYMENT: [(&str, &str); 3] = [
    ("weekly_working_hours", "weekly_working_hours"),
    ("employment_start_date", "hire_date"),
    ("contract_end_date", "contract_end_date"),
];

/// An employment, opened.
pub(super) struct Employment<'a>(Vec<Member<'a>>);

impl<'a> Employment<'a> {
    /// The employment that counts among several: one that lasts before one to come, and that before one that has ended; of equals
    /// the first, since the vendor puts the newest first.
    pub(super) fn chosen(items: &[&'a RawValue]) -> Result<Option<Self>, Refusal> {
        let mut best: Option<(u8, Vec<Member<'a>>)> = None;
        for item in items {
            let opened = members(item)?;
            let rank = match word(&opened, "status").as_deref() {
                Some("active" | "leave") => 0,
                Some("onboarding") => 1,
                Some("inactive") => 2,
                _ => 3,
            };
            if best.as_ref().is_none_or(|(other, _)| rank < *other) {
                best = Some((rank, opened));
            }
        }
        Ok(best.map(|(_, opened)| Self(opened)))
    }

    /// Whether it says that it is somebody else's.
    pub(super) fn is_of_another(&self, person: &str) -> bool {
        member(&self.0, "person").and_then(id_of).is_some_and(|id| id != person)
    }

    /// The units that it names.
    pub(super) fn units(&self) -> Result<HashSet<(Kind, String)>, Refusal> {
        let mut units = HashSet::new();
        let mut put = |kind, raw: Option<&RawValue>| units.extend(raw.and_then(id_of).map(|id| (kind, id)));
        put(Kind::Workplace, member(&self.0, "office"));
        put(Kind::LegalEntity, self.legal_entity());
        for unit in self.list("org_units")?.unwrap_or_default() {
            if let Some(kind) = kind_of(unit)? {
                put(kind, Some(unit));
            }
        }
        for share in self.list("cost_centers")?.unwrap_or_default() {
            put(Kind::CostCenter, Some(share));
        }
        Ok(units)
    }

    /// Its id.
    pub(super) fn id(&self) -> Option<String> {
        member(&self.0, "id").and_then(id_of)
    }

    /// The org units that it names, by the vendor's word for their type and their id; none where it does not say.
    pub(super) fn org_units(&self) -> Result<Option<Vec<(String, String)>>, Refusal> {
        let Some(list) = self.list("org_units")? else { return Ok(None) };
        let mut units = Vec::with_capacity(list.len());
        for unit in list {
            let kind = member(&members(unit)?, "type").map_or(Ok(String::new()), text)?;
            units.extend(id_of(unit).map(|id| (kind, id)));
        }
        Ok(Some(units))
    }

    fn legal_entity(&self) -> Option<&'a RawValue> {
        let of = |key| member(&self.0, key);
        of("legal_entity").filter(|raw| !is_empty(raw)).or_else(|| of("sub_company")).or_else(|| of("legal_entity"))
    }

    /// A list; nothing is an empty one, none where it is not sent.
    fn list(&self, key: &str) -> Result<Option<Vec<&'a RawValue>>, Refusal> {
        match member(&self.0, key) {
            None => Ok(None),
            Some(raw) if is_empty(raw) => Ok(Some(Vec::new())),
            Some(raw) => elements(raw).map(Some),
        }
    }
}

/// One employee, in the shape of version 1.
pub(super) fn arranged(
    person: &RawValue,
    employment: Option<&Employment<'_>>,
    units: &Units,
) -> Result<Box<RawValue>, Bad> {
    arrange(person, employment, units).map_err(|refusal| Bad::field("the record", refusal))
}

fn arrange(person: &RawValue, employment: Option<&Employment<'_>>, units: &Units) -> Result<Box<RawValue>, Refusal> {
    let of_person = members(person)?;
    let mut out = Arranged::default();
    if let Some(id) = member(&of_person, "id") {
        out.typed("id", "integer", id);
    }
    for (name, key) in OF_PERSON {
        out.put_if(key, member(&of_person, name));
    }
    if let Some(gender) = member(&of_person, "gender") {
        let is_none = matches!(word(&of_person, "gender").as_deref(), Some("unspecified" | "unknown" | "undefined"));
        out.put("gender", if is_none { "null" } else { gender.get() });
    }
    match member(&of_person, "profile_picture") {
        Some(picture) if shape(picture) == Shape::Object => {
            out.put("profile_picture", member(&members(picture)?, "url").map_or("null", RawValue::get));
        }
        other => out.put_if("profile_picture", other),
    }
    let status_of = |members: &[Member<'_>]| word(members, "status").filter(|status| status != "unspecified");
    let status = employment.and_then(|it| status_of(&it.0)).or_else(|| status_of(&of_person));
    if let Some(status) = status {
        out.put_value("status", &status.into());
    }
    if let Some(employment) = employment {
        put_employment(&mut out, employment, units)?;
    }
    if let Some(list) = member(&of_person, "custom_attributes").filter(|raw| !is_empty(raw)) {
        for attribute in elements(list)? {
            put_custom(&mut out, attribute)?;
        }
    }
    out.close()
}

fn put_employment(out: &mut Arranged, employment: &Employment<'_>, units: &Units) -> Result<(), Refusal> {
    let of = |key| member(&employment.0, key);
    for (name, key) in OF_EMPLOYMENT {
        out.put_if(key, of(name));
    }
    if let Some(date) = of("probation_end_date") {
        out.typed("probation_period_end", "date", date);
    }
    // Not set in the answers that were seen, though it can be written: then nothing is known of it.
    let kind = word(&employment.0, "type").filter(|kind| kind != "unspecified");
    if let Some(kind) = kind {
        out.put_value("employment_type", &kind.into());
    }
    if let Some(position) = of("position") {
        let title =
            if shape(position) == Shape::Object { member(&members(position)?, "title") } else { Some(position) };
        out.put("position", title.map_or("null", RawValue::get));
    }
    out.put_if("supervisor", of("supervisor"));
    let named = |kind, raw: &RawValue| {
        let reference = |id: String| json!({"id": id, "name": units.name(kind, &id)});
        id_of(raw).map_or(Value::Null, reference)
    };
    if let Some(office) = of("office") {
        out.put_value("office", &named(Kind::Workplace, office));
    }
    if let Some(entity) = employment.legal_entity() {
        out.put_value("subcompany", &named(Kind::LegalEntity, entity));
    }
    if let Some(list) = employment.list("org_units")? {
        let (mut department, mut team) = (Value::Null, Value::Null);
        for unit in list {
            let Some(kind) = kind_of(unit)? else { continue };
            let place = if kind == Kind::Team { &mut team } else { &mut department };
            if place.is_null() {
                *place = named(kind, unit);
            }
        }
        out.put_value("department", &department);
        out.put_value("team", &team);
    }
    if let Some(shares) = employment.list("cost_centers")? {
        let mut list = Vec::with_capacity(shares.len());
        for share in shares {
            let weight = member(&members(share)?, "weight").map_or(Ok(Value::Null), value::decimal)?;
            let mut center = named(Kind::CostCenter, share);
            if let Some(object) = center.as_object_mut() {
                object.insert("percentage".to_owned(), weight);
            }
            list.push(center);
        }
        out.put_value("cost_centers", &list.into());
    }
    if let Some(termination) = of("termination") {
        put_termination(out, termination)?;
    }
    Ok(())
}

/// The vendor's reference has `last_working_day`, its example `last_working_date`. Null is nobody who leaves.
fn put_termination(out: &mut Arranged, termination: &RawValue) -> Result<(), Refusal> {
    let told = if is_empty(termination) { Vec::new() } else { members(termination)? };
    let of = |keys: &[&str]| keys.iter().find_map(|key| member(&told, key));
    for (key, names) in [
        ("termination_date", &["termination_date"][..]),
        ("last_working_day", &["last_working_day", "last_working_date"]),
        ("termination_reason", &["reason"]),
    ] {
        out.put(key, of(names).map_or("null", RawValue::get));
    }
    out.put_value("termination_type", &word(&told, "type").map_or(Value::Null, Value::from));
    Ok(())
}

/// `{id, type, value, global_id, label}`, of which types come in either case and values as text.
fn put_custom(out: &mut Arranged, attribute: &RawValue) -> Result<(), Refusal> {
    let told = members(attribute)?;
    let Some(key) = member(&told, "id").and_then(id_of).filter(|key| employee::is_custom(key)) else { return Ok(()) };
    let kind = match word(&told, "type").as_deref() {
        Some("int" | "integer") => "integer",
        Some("double" | "decimal") => "decimal",
        Some("date") => "date",
        Some("string_list" | "tags") => "tags",
        _ => "standard",
    };
    let mut wrapped = Arranged::default();
    wrapped.put_if("label", member(&told, "label"));
    wrapped.put("value", member(&told, "value").map_or("null", RawValue::get));
    wrapped.put_value("type", &kind.into());
    wrapped.put_if("universal_id", member(&told, "global_id"));
    out.put(&key, wrapped.close()?.get());
    Ok(())
}

/// Department or team; other org units feed nothing.
fn kind_of(unit: &RawValue) -> Result<Option<Kind>, Refusal> {
    Ok(match word(&members(unit)?, "type").as_deref() {
        Some("department") => Some(Kind::Department),
        Some("team") => Some(Kind::Team),
        _ => None,
    })
}

/// A word of the vendor's in lower case; nothing where it is none.
fn word(members: &[Member<'_>], key: &str) -> Option<String> {
    let raw = member(members, key).filter(|raw| shape(raw) == Shape::Text)?;
    text(raw).ok().map(|text| text.trim().to_lowercase()).filter(|text| !text.is_empty())
}

/// An object on its way.
#[derive(Default)]
struct Arranged(String);

impl Arranged {
    fn put(&mut self, key: &str, json: &str) {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        self.0.push_str(&Value::from(key).to_string());
        self.0.push(':');
        self.0.push_str(json);
    }

    fn put_if(&mut self, key: &str, raw: Option<&RawValue>) {
        if let Some(raw) = raw {
            self.put(key, raw.get());
        }
    }

    fn put_value(&mut self, key: &str, value: &Value) {
        self.put(key, &value.to_string());
    }

    fn typed(&mut self, key: &str, kind: &str, raw: &RawValue) {
        self.put(key, &format!("{{\"type\":\"{kind}\",\"value\":{}}}", raw.get()));
    }

    fn close(mut self) -> Result<Box<RawValue>, Refusal> {
        self.0.push_str(if self.0.is_empty() { "{}" } else { "}" });
        RawValue::from_string(self.0).map_err(|_| "is not valid JSON")
    }
}
