//! Whether a value fits an attribute, and its plain form.

use serde_json::{Value, json};

use crate::people::{Attribute, Kind, World};
use crate::shapes::time;

use super::Rejected;

/// Keys that only the sandbox sets.
const FIXED: [&str; 3] = ["id", "created_at", "last_modified_at"];

/// Returns the plain value to store for `key`.
pub(super) fn value(world: &World, key: &str, given: &Value) -> Result<Value, Rejected> {
    let wrong = |problem: &str| Err(Rejected::invalid(key, problem));
    if FIXED.contains(&key) {
        return wrong("is set by the sandbox");
    }
    let Some(attribute) = world.catalogue.find(key) else {
        let known: Vec<&str> = world.catalogue.iter().map(|attribute| attribute.key.as_str()).collect();
        return wrong(&format!("is no attribute of this company; there are {}", known.join(", ")));
    };
    if given.is_null() {
        let is_required = ["first_name", "last_name", "email", "status"].contains(&key);
        return if is_required { wrong("must not be empty") } else { Ok(Value::Null) };
    }
    checked(world, attribute, given).map_err(|problem| Rejected::invalid(key, problem))
}

fn checked(world: &World, attribute: &Attribute, given: &Value) -> Result<Value, String> {
    let is = |fits: bool, what: &str| if fits { Ok(given.clone()) } else { Err(format!("must be {what} or null")) };
    match attribute.kind {
        Kind::Text | Kind::Link | Kind::Multiline => is(given.is_string(), "a text"),
        Kind::Choice(options) => {
            is(given.as_str().is_some_and(|text| options.contains(&text)), &format!("one of {}", options.join(", ")))
        }
        Kind::List => is(
            given.as_str().is_some_and(|text| attribute.options.contains(&text)),
            &format!("one of {}", attribute.options.join(", ")),
        ),
        Kind::Tags => is(given.as_array().is_some_and(|tags| tags.iter().all(Value::is_string)), "a list of texts"),
        Kind::Integer => is(given.is_i64() || given.is_u64(), "a whole number"),
        Kind::Decimal | Kind::Money | Kind::Hours => {
            is(given.as_f64().is_some_and(|number| number >= 0.0), "a number that is not negative")
        }
        Kind::Date | Kind::PlainDate => {
            is(given.as_str().and_then(time::parse_date).is_some(), "a date written YYYY-MM-DD")
        }
        Kind::Unit(kind) => match given {
            Value::String(name) => world.unit_named(kind, name).ok_or_else(|| {
                let names: Vec<&str> = world.organisation.units(kind).iter().map(|unit| unit.name.as_str()).collect();
                format!("is not one of {}", names.join(", "))
            }),
            _ => is(has(given, &[("id", Value::is_u64), ("name", Value::is_string)]), "a name or {id, name}"),
        },
        Kind::Supervisor => is(given.as_u64().is_some_and(|id| world.people.contains_key(&id)), "a person's id"),
        Kind::CostCenters => list_of(
            given,
            &[("id", Value::is_u64), ("name", Value::is_string), ("percentage", Value::is_number)],
            "a list of {id, name, percentage}",
        ),
        Kind::Entitlements => list_of(
            given,
            &[("id", Value::is_u64), ("name", Value::is_string), ("entitlement", Value::is_number)],
            "a list of {id, name, category, entitlement}",
        ),
        Kind::HolidayCalendar | Kind::WorkSchedule => {
            is(has(given, &[("id", Value::is_u64), ("name", Value::is_string)]), "an object with id and name")
        }
        Kind::Picture => is(given.is_boolean(), "true, false"),
        Kind::Id | Kind::CreatedAt | Kind::ModifiedAt => Err("is set by the sandbox".to_owned()),
    }
}

type Field = (&'static str, fn(&Value) -> bool);

fn has(given: &Value, fields: &[Field]) -> bool {
    fields.iter().all(|(name, fits)| given.get(name).is_some_and(fits))
}

fn list_of(given: &Value, fields: &[Field], what: &str) -> Result<Value, String> {
    let items = given.as_array().filter(|items| items.iter().all(|item| has(item, fields)));
    items.map(|items| json!(items)).ok_or_else(|| format!("must be {what}"))
}
