//! A person as version 2 writes it: ids as text, enumerations in upper case, the types of custom attributes in lower case and
//! their values as text, as they were seen in the field.

use serde_json::{Map, Value, json};

use crate::people::{Attribute, Kind, Person, Thing};
use crate::shapes::{Scene, tags_in_a_line};

use super::super::problem::stamp;
use super::is_active;

const PLAIN: [&str; 4] = ["email", "first_name", "last_name", "preferred_name"];

/// Whether the credential may read an attribute. The vendor does not say that its whitelist holds for version 2; a credential
/// serves both, so it does here.
pub(in super::super) fn is_shown(scene: &Scene<'_>, key: &str) -> bool {
    scene.world.catalogue.find(key).is_none_or(|attribute| scene.shows(attribute))
}

/// One person; what may not be read is left out.
pub(in super::super) fn shape(scene: &Scene<'_>, origin: &str, person: &Person) -> Value {
    let id = person.id;
    let mut fields = Map::new();
    let mut put = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    put("id", id.to_string().into());
    for key in PLAIN.into_iter().filter(|key| is_shown(scene, key)) {
        put(key, person.get(key).clone());
    }
    if is_shown(scene, "gender") {
        let gender = person.get("gender").as_str().map_or_else(|| "UNSPECIFIED".to_owned(), str::to_uppercase);
        put("gender", gender.into());
    }
    if is_shown(scene, "profile_picture") {
        put("profile_picture", json!({"url": format!("{origin}/v1/company/employees/{id}/profile-picture")}));
    }
    if is_shown(scene, "status") {
        put("status", if is_active(person) { "ACTIVE" } else { "INACTIVE" }.into());
    }
    put("created_at", stamp(person.created_at).into());
    put("updated_at", stamp(person.modified_at).into());
    let custom = scene.world.catalogue.iter().filter(|attribute| attribute.is_custom() && scene.shows(attribute));
    put("custom_attributes", custom.map(|attribute| custom_attribute(attribute, person.get(&attribute.key))).collect());
    put("employments", json!([{"id": scene.world.uuids.of(Thing::Employment, id)}]));
    put("_meta", json!({"links": {"employments": {"href": format!("{origin}/v2/persons/{id}/employments")}}}));
    Value::Object(fields)
}

/// One custom attribute, without the label that is often missing. The vendor does not say whether one without a value is left
/// out; its answers have null where its reference has none, so null it is.
fn custom_attribute(attribute: &Attribute, plain: &Value) -> Value {
    let kind = match attribute.kind {
        Kind::Integer => "int",
        Kind::Decimal | Kind::Money => "double",
        Kind::Date | Kind::PlainDate => "date",
        Kind::Tags => "string_list",
        _ => "string",
    };
    let value = match plain {
        Value::Null | Value::String(_) => plain.clone(),
        Value::Array(_) => tags_in_a_line(plain).into(),
        other => other.to_string().into(),
    };
    json!({"id": attribute.key, "type": kind, "value": value, "global_id": attribute.universal_id})
}
