//! What other answers say about a record, kept with its bytes: a record that is read again from what is stored must tell the same,
//! and nobody is asked then.

use serde_json::{Map, Value, value::RawValue};

use crate::personio::{
    item::Bad,
    json::{self, Refusal, is_empty, members},
};

/// The member that holds it. Of members with the same name the last one counts, so a vendor cannot write it for us.
const KEY: &str = "_gangway";

/// A record's bytes with what was found out beside.
pub(super) fn add(record: &RawValue, found: Map<String, Value>) -> Result<Box<RawValue>, Refusal> {
    let inner = record.get().strip_suffix('}').ok_or("is not an object")?;
    let comma = if is_empty(record) { "" } else { "," };
    RawValue::from_string(format!("{inner}{comma}\"{KEY}\":{}}}", Value::Object(found)))
        .map_err(|_| "is not valid JSON")
}

/// What was added to a record; nothing where nothing was.
pub(super) fn read(record: &RawValue) -> Result<Map<String, Value>, Bad> {
    let read = || -> Result<Map<String, Value>, Refusal> {
        let outline = members(record)?;
        let Some(added) = json::member(&outline, KEY) else { return Ok(Map::new()) };
        members(added)?.into_iter().map(|entry| Ok((entry.key.into_owned(), json::tree(entry.value)?))).collect()
    };
    read().map_err(|refusal| Bad::field(KEY, refusal))
}
