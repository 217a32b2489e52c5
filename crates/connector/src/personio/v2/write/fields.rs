//! Which fields of an employee version 2 takes, and where: in the person, or in the employment.

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value, json};

use super::super::units::Kind;
use crate::{
    contract::{FieldProblem, Values, WritableField},
    personio::write::{
        BodyStyle,
        fields::{Verb, escaped, is_own, written},
    },
};

const BY_DATES: &str =
    "version 2 of Personio's API takes no status: it follows from the dates of the employment and from leaves";
const TERMINATION: &str = "Personio's API ends no employment (forum, read 2026-11-23); end it in Personio";
const BY_HAND: &str = "version 2 of Personio's API does not take it; set it in Personio";
const OURS: &str = "Personio sets it itself";

/// Every canonical field.
pub(in crate::personio) const WRITABLE: &[WritableField] = &[
    WritableField::open("first_name"),
    WritableField::open("last_name"),
    WritableField::open("preferred_name"),
    WritableField::open("email"),
    WritableField::open("gender"),
    WritableField::open("position"),
    WritableField::open("department"),
    WritableField::open("office"),
    WritableField::open("team"),
    WritableField::open("legal_entity"),
    WritableField::open("supervisor"),
    WritableField::open("cost_centers"),
    WritableField::open("hire_date"),
    WritableField::open("contract_end_date"),
    WritableField::open("weekly_hours"),
    WritableField::open("employment_type"),
    WritableField::closed("status", BY_DATES),
    WritableField::closed("termination_date", TERMINATION),
    WritableField::closed("last_working_day", TERMINATION),
    WritableField::closed("picture_url", BY_HAND),
    WritableField::closed("created_at", OURS),
    WritableField::closed("updated_at", OURS),
];
/// More shares than any employment has.
const MOST_SHARES: usize = 100;

/// Where a field lies.
enum Place {
    Person(&'static str),
    Employment(&'static str),
    Unit(Kind),
    Shares,
}

fn place(field: &str) -> Option<Place> {
    Some(match field {
        "first_name" => Place::Person("first_name"),
        "last_name" => Place::Person("last_name"),
        "preferred_name" => Place::Person("preferred_name"),
        "email" => Place::Person("email"),
        "gender" => Place::Person("gender"),
        "position" => Place::Employment("position"),
        "supervisor" => Place::Employment("supervisor"),
        "hire_date" => Place::Employment("employment_start_date"),
        "contract_end_date" => Place::Employment("contract_end_date"),
        "weekly_hours" => Place::Employment("weekly_working_hours"),
        "employment_type" => Place::Employment("type"),
        "department" => Place::Unit(Kind::Department),
        "team" => Place::Unit(Kind::Team),
        "office" => Place::Unit(Kind::Workplace),
        "legal_entity" => Place::Unit(Kind::LegalEntity),
        "cost_centers" => Place::Shares,
        _ => return None,
    })
}

/// Which list has the units of a field.
pub(super) fn unit_kind(field: &str) -> Option<Kind> {
    match place(field) {
        Some(Place::Unit(kind)) => Some(kind),
        _ => None,
    }
}

/// A unit called by its name, its id or both, which is to be found.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Named {
    /// Where it lies in [`Values`].
    pub(super) pointer: String,
    pub(super) call: Call,
}

/// What a unit is called by.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Call {
    Name(String),
    /// One of several with this name.
    Both {
        name: String,
        id: String,
    },
    Id(String),
}

/// A cost centre and its share in percent.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Share {
    pub(super) center: Named,
    pub(super) weight: Number,
}

/// What is to be written where.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) person: Map<String, Value>,
    /// Without the units.
    pub(super) employment: Map<String, Value>,
    /// None empties one.
    pub(super) units: BTreeMap<Kind, Option<Named>>,
    pub(super) shares: Option<Vec<Share>>,
}

impl Plan {
    /// Judges values; or everything that is wrong with them, which are not quoted.
    pub(super) fn read(verb: Verb, values: &Values) -> Result<Self, Vec<FieldProblem>> {
        let mut plan = Self::default();
        let mut problems = Vec::new();
        for (field, value) in &values.fields {
            let pointer = format!("/fields/{}", escaped(field));
            let put = match WRITABLE.iter().find(|known| known.field == *field) {
                None => Err("is no field of an employee"),
                Some(known) if !(if verb == Verb::Create { known.on_create } else { known.on_update }) => {
                    Err(known.reason)
                }
                Some(_) => plan.put(&pointer, field, value),
            };
            problems.extend(put.err().map(|message| FieldProblem::new(pointer, message)));
        }
        let mut own = Vec::new();
        for (key, value) in &values.attributes {
            if is_own(key) {
                own.push(json!({"id": key, "value": value}));
            } else {
                let pointer = format!("/attributes/{}", escaped(key));
                problems.push(FieldProblem::new(pointer, "is not one of the company's own attributes"));
            }
        }
        if !own.is_empty() {
            plan.person.insert("custom_attributes".to_owned(), own.into());
        }
        if verb == Verb::Create {
            let missing = ["first_name", "last_name"].into_iter().filter(|field| !values.fields.contains_key(*field));
            problems.extend(missing.map(|field| FieldProblem::new(format!("/fields/{field}"), "is missing")));
        }
        if problems.is_empty() { Ok(plan) } else { Err(problems) }
    }

    /// Whether anything of the employment is written.
    pub(super) fn concerns_employment(&self) -> bool {
        !self.employment.is_empty() || !self.units.is_empty() || self.shares.is_some()
    }

    /// Whether only some of the org units are given, which are one list in the employment.
    pub(super) fn needs_other_org_units(&self) -> bool {
        self.units.contains_key(&Kind::Department) != self.units.contains_key(&Kind::Team)
    }

    /// The names that must become ids, by the list that has them.
    pub(super) fn named(&self) -> impl Iterator<Item = (Kind, &Named)> {
        let units = self.units.iter().filter_map(|(kind, named)| Some((*kind, named.as_ref()?)));
        units.chain(self.shares.iter().flatten().map(|share| (Kind::CostCenter, &share.center)))
    }

    fn put(&mut self, pointer: &str, field: &str, value: &Value) -> Result<(), &'static str> {
        match place(field) {
            None => return Err("is no field of an employee"),
            Some(Place::Person(key)) => drop(self.person.insert(key.to_owned(), plain(field, value)?)),
            Some(Place::Employment(key)) => drop(self.employment.insert(key.to_owned(), plain(field, value)?)),
            Some(Place::Unit(kind)) => {
                let named = if value.is_null() { None } else { Some(named(pointer, value)?) };
                self.units.insert(kind, named);
            }
            Some(Place::Shares) => self.shares = Some(shares(pointer, value)?),
        }
        Ok(())
    }
}

/// The values that lie in the person.
pub(super) fn of_person(values: &Values) -> Values {
    let fields = values.fields.iter().filter(|(field, _)| matches!(place(field), Some(Place::Person(_))));
    let fields = fields.map(|(field, value)| (field.clone(), value.clone())).collect();
    Values { fields, attributes: values.attributes.clone() }
}

/// What is wrong with values for a change.
pub(in crate::personio) fn problems(values: &Values) -> Vec<FieldProblem> {
    Plan::read(Verb::Update, values).err().unwrap_or_default()
}

/// A value that needs no other answer, as the vendor takes it.
fn plain(field: &str, value: &Value) -> Result<Value, &'static str> {
    let value = written(BodyStyle::Wrapped, field, value)?;
    let upper = |value: &Value| value.as_str().map(str::to_uppercase);
    Ok(match field {
        "gender" => upper(&value).unwrap_or_else(|| "UNDEFINED".to_owned()).into(),
        "employment_type" => upper(&value).map_or(Value::Null, Value::from),
        "position" if !value.is_null() => json!({ "title": value }),
        "supervisor" if !value.is_null() => json!({ "id": value.to_string() }),
        _ => value,
    })
}

/// `{"name"}`, `{"id"}`, or both where several have the name.
fn named(pointer: &str, value: &Value) -> Result<Named, &'static str> {
    let text = |key: &str| match value.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if !text.trim().is_empty() => Ok(Some(text.trim().to_owned())),
        Some(_) => Err("must have texts as its `name` and `id`"),
    };
    let call = match (text("name")?, text("id")?) {
        (Some(name), None) => Call::Name(name),
        (Some(name), Some(id)) => Call::Both { name, id },
        (None, Some(id)) => Call::Id(id),
        (None, None) => return Err("must be an object with the `name` or the `id` that it has in Personio"),
    };
    Ok(Named { pointer: pointer.to_owned(), call })
}

fn shares(pointer: &str, value: &Value) -> Result<Vec<Share>, &'static str> {
    const SHAPE: &str = "must be a list of objects with `name` or `id`, and `percentage`, a number of 0 to 100";
    let list = match value {
        Value::Null => return Ok(Vec::new()),
        Value::Array(list) if list.len() <= MOST_SHARES => list,
        _ => return Err(SHAPE),
    };
    let share = |(place, one): (usize, &Value)| {
        let weight = match one.get("percentage") {
            Some(Value::Number(weight)) => Some(weight.clone()),
            Some(Value::String(text)) => serde_json::from_str(text).ok(),
            _ => None,
        };
        let in_range = |weight: &Number| weight.as_f64().is_some_and(|weight| (0.0..=100.0).contains(&weight));
        let weight = weight.filter(in_range).ok_or(SHAPE)?;
        Ok(Share { center: named(&format!("{pointer}/{place}"), one).map_err(|_| SHAPE)?, weight })
    };
    list.iter().enumerate().map(share).collect()
}
