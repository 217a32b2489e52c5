//! Whether a body has the shape that the OpenAPI document promises: every mistake of shape at once, no value repeated.
//!
//! Serde alone would read an array as an object, by position, and an object as the name of a choice, and it ends at the
//! first mistake. What the values mean is for the use cases to judge.

use gangway_app::FieldError;
use serde_json::{Map, Value};

// A body can hold a hundred thousand mistakes.
use crate::limits::MISTAKES as MOST;

/// Characters of an unknown member's name that are told.
const LONGEST_NAME: usize = 100;

/// The mistakes of shape in `value`; `schemas` are the document's components, which `schema` may refer to.
pub(crate) fn problems(schemas: &Value, schema: &Value, value: &Value) -> Vec<FieldError> {
    let mut checker = Checker { schemas, found: Vec::new() };
    checker.check(schema, value, "");
    checker.found
}

/// A member's JSON pointer.
pub(super) fn pointer_to(parent: &str, member: &str) -> String {
    let mut name: String = member.chars().take(LONGEST_NAME).collect();
    if name.len() < member.len() {
        name.push('…');
    }
    format!("{parent}/{}", name.replace('~', "~0").replace('/', "~1"))
}

struct Checker<'a> {
    schemas: &'a Value,
    found: Vec<FieldError>,
}

impl Checker<'_> {
    fn check(&mut self, schema: &Value, value: &Value, pointer: &str) {
        if self.found.len() >= MOST {
            return;
        }
        let Some(Expected { schema, is_nullable }) = expected(self.schemas, schema) else { return };
        if is_nullable && value.is_null() {
            return;
        }
        let choices = schema.get("enum").and_then(Value::as_array);
        let fits = choices.map_or_else(|| has_type(schema, value), |choices| choices.contains(value));
        if !fits {
            self.refuse(pointer.to_owned(), wanted(schema, is_nullable));
            return;
        }
        match value {
            Value::Object(members) => self.check_members(schema, members, pointer),
            Value::Array(items) => {
                if let Some(wanted) = wrong_count(schema, items.len()) {
                    self.refuse(pointer.to_owned(), wanted);
                    return;
                }
                let Some(schema) = schema.get("items") else { return };
                for (index, item) in items.iter().enumerate() {
                    self.check(schema, item, &format!("{pointer}/{index}"));
                }
            }
            _ => {}
        }
    }

    fn check_members(&mut self, schema: &Value, members: &Map<String, Value>, pointer: &str) {
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        for name in required.filter(|name| !members.contains_key(*name)) {
            self.refuse(pointer_to(pointer, name), "is missing".to_owned());
        }
        let known = schema.get("properties").and_then(Value::as_object);
        let is_closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
        for (name, value) in members {
            match known.and_then(|known| known.get(name)) {
                Some(schema) => self.check(schema, value, &pointer_to(pointer, name)),
                None if is_closed => self.refuse(pointer_to(pointer, name), unknown(known)),
                None => {}
            }
        }
    }

    fn refuse(&mut self, pointer: String, message: String) {
        if self.found.len() < MOST {
            self.found.push(FieldError { pointer, message });
        }
    }
}

/// What a value is measured by.
struct Expected<'a> {
    schema: &'a Value,
    is_nullable: bool,
}

/// Follows references, and the way in which the document writes that something may be null.
fn expected<'a>(schemas: &'a Value, schema: &'a Value) -> Option<Expected<'a>> {
    if let Some(path) = schema.get("$ref").and_then(Value::as_str) {
        return expected(schemas, schemas.get(path.strip_prefix("#/components/schemas/")?)?);
    }
    if let Some(ways) = schema.get("oneOf").and_then(Value::as_array) {
        let is_null = |way: &&Value| way.get("type").and_then(Value::as_str) == Some("null");
        let found = expected(schemas, ways.iter().find(|way| !is_null(way))?)?;
        return Some(Expected { is_nullable: found.is_nullable || ways.iter().any(|way| is_null(&way)), ..found });
    }
    Some(Expected { schema, is_nullable: types(schema).any(|kind| kind == "null") })
}

fn types(schema: &Value) -> impl Iterator<Item = &str> {
    let kind = schema.get("type");
    let one = kind.and_then(Value::as_str);
    let several = kind.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    one.into_iter().chain(several)
}

fn has_type(schema: &Value, value: &Value) -> bool {
    let mut kinds = types(schema).peekable();
    kinds.peek().is_none()
        || kinds.any(|kind| match kind {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "null" => value.is_null(),
            _ => true,
        })
}

/// What a list should hold, when it holds too few or too many.
fn wrong_count(schema: &Value, n: usize) -> Option<String> {
    let bound = |name| schema.get(name).and_then(Value::as_u64).and_then(|bound| usize::try_from(bound).ok());
    if let Some(least) = bound("minItems").filter(|least| n < *least) {
        return Some(format!("must have at least {least} element{}", if least == 1 { "" } else { "s" }));
    }
    bound("maxItems").filter(|most| n > *most).map(|most| format!("must have at most {most} elements; this has {n}"))
}

fn wanted(schema: &Value, is_nullable: bool) -> String {
    let choices = schema.get("enum").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let mut ways: Vec<String> = choices.map(|choice| format!("`{choice}`")).collect();
    if ways.is_empty() {
        ways.extend(types(schema).filter(|kind| *kind != "null").map(|kind| noun(kind).to_owned()));
    }
    if is_nullable {
        ways.push("null".to_owned());
    }
    match ways.split_last() {
        Some((last, [])) => format!("must be {last}"),
        Some((last, rest)) => format!("must be {} or {last}", rest.join(", ")),
        None => "has a value that is not allowed".to_owned(),
    }
}

fn noun(kind: &str) -> &str {
    match kind {
        "object" => "an object",
        "array" => "a list",
        "string" => "a text",
        "boolean" => "true or false",
        "integer" => "a whole number",
        "number" => "a number",
        other => other,
    }
}

fn unknown(known: Option<&Map<String, Value>>) -> String {
    let names: Vec<String> = known.into_iter().flatten().map(|(name, _)| format!("`{name}`")).collect();
    format!("is not known here; there are {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(value: &Value) -> Vec<(String, String)> {
        let schemas = json!({
            "Outer": {
                "type": "object", "required": ["name", "mode"], "additionalProperties": false,
                "properties": {
                    "name": {"type": "string"},
                    "mode": {"$ref": "#/components/schemas/Mode", "description": "x"},
                    "later": {"oneOf": [{"$ref": "#/components/schemas/Mode"}, {"type": "null"}]},
                    "list": {"type": ["array", "null"], "items": {"$ref": "#/components/schemas/Inner"}},
                    "open": {"type": "object"},
                },
            },
            "Inner": {"type": "object", "additionalProperties": false, "properties": {"on": {"type": ["boolean", "null"]}}},
            "Mode": {"type": "string", "enum": ["full", "half", "none"]},
        });
        let found = problems(&schemas, &json!({"$ref": "#/components/schemas/Outer"}), value);
        found.into_iter().map(|FieldError { pointer, message }| (pointer, message)).collect()
    }

    #[test]
    fn what_fits_has_no_mistake() {
        for value in [
            json!({"name": "", "mode": "full"}),
            json!({"name": "x", "mode": "half", "later": null, "list": null, "open": {"any": [1]}}),
            json!({"name": "x", "mode": "half", "later": "none", "list": [{}, {"on": null}, {"on": true}]}),
        ] {
            assert_eq!(found(&value), [], "{value}");
        }
    }

    #[test]
    fn every_mistake_is_told_at_once_and_none_repeats_a_value() {
        let mode = "must be `full`, `half` or `none`";
        for (value, expected) in [
            (json!(["CANARY", "full"]), vec![("", "must be an object")]),
            (json!("CANARY"), vec![("", "must be an object")]),
            (
                json!({"mode": {"full": null}, "later": ["CANARY"], "a/b~": 1}),
                vec![
                    ("/name", "is missing"),
                    ("/a~1b~0", "is not known here; there are `later`, `list`, `mode`, `name`, `open`"),
                    ("/later", "must be `full`, `half`, `none` or null"),
                    ("/mode", mode),
                ],
            ),
            (
                json!({"name": 7, "mode": "CANARY", "list": [[true], {"on": "CANARY"}], "open": []}),
                vec![
                    ("/list/0", "must be an object"),
                    ("/list/1/on", "must be true or false or null"),
                    ("/mode", mode),
                    ("/name", "must be a text"),
                    ("/open", "must be an object"),
                ],
            ),
        ] {
            let expected: Vec<_> = expected.into_iter().map(|(at, what)| (at.to_owned(), what.to_owned())).collect();
            assert_eq!(found(&value), expected, "{value}");
        }
    }

    #[test]
    fn lists_have_as_many_elements_as_the_document_says() {
        let schema = json!({"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 3});
        let told =
            |value: Value| problems(&json!({}), &schema, &value).into_iter().map(|it| it.message).collect::<Vec<_>>();
        assert_eq!(told(json!([1])), Vec::<String>::new());
        assert_eq!(told(json!([1, 2, 3])), Vec::<String>::new());
        assert_eq!(told(json!([])), ["must have at least 1 element"]);
        assert_eq!(told(json!([1, 2, 3, "x"])), ["must have at most 3 elements; this has 4"]);
    }

    #[test]
    fn a_body_of_mistakes_has_a_short_answer() {
        let many: Map<String, Value> = (0..10_000).map(|n| (format!("{n}{}", "x".repeat(1000)), Value::Null)).collect();
        let found = found(&Value::Object(many));
        assert_eq!(found.len(), MOST);
        assert!(found.iter().all(|(pointer, _)| pointer.chars().count() < LONGEST_NAME + 5));
    }
}
