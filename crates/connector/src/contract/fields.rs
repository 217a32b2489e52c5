//! Judging config and credential JSON: every mistake at once, each with a pointer, none with a value.

use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

/// One mistake in a config or credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldProblem {
    /// JSON pointer into the config or credential (`/client_id`).
    pub pointer: String,
    /// What is wrong, without the value.
    pub message: String,
}

impl FieldProblem {
    /// A mistake at a pointer.
    pub fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), message: message.into() }
    }
}

/// Reads `value` as `T`. Serde's own messages quote the value, so the words come from the schema instead.
pub(super) fn read<T: DeserializeOwned + JsonSchema>(value: &Value) -> Result<T, Vec<FieldProblem>> {
    let Some(object) = value.as_object() else {
        return Err(vec![FieldProblem::new("", "must be an object")]);
    };
    let schema = schemars::schema_for!(T).to_value();
    let problems = known_and_complete(&schema, object);
    if !problems.is_empty() {
        return Err(problems);
    }
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let field = path.split(['.', '[']).next().unwrap_or_default();
        let pointer =
            if path == "." { String::new() } else { format!("/{}", path.replace(['.', '['], "/").replace(']', "")) };
        vec![FieldProblem::new(pointer, expectation(&schema, field))]
    })
}

fn known_and_complete(schema: &Value, object: &Map<String, Value>) -> Vec<FieldProblem> {
    let empty = Map::new();
    let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&empty);
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);

    let missing = required
        .filter(|field| !object.contains_key(*field))
        .map(|field| FieldProblem::new(pointer_to(field), "is missing"));
    let unknown = object
        .keys()
        .filter(|field| !properties.contains_key(*field))
        .map(|field| FieldProblem::new(pointer_to(field), "is not a known field"));
    missing.chain(unknown).collect()
}

fn expectation(schema: &Value, field: &str) -> String {
    let kind =
        schema.get("properties").and_then(|properties| properties.get(field)).and_then(|field| field.get("type"));
    match kind {
        Some(Value::String(kind)) => format!("must be of type {kind}"),
        Some(Value::Array(kinds)) => {
            let kinds: Vec<&str> = kinds.iter().filter_map(Value::as_str).collect();
            format!("must be of type {}", kinds.join(" or "))
        }
        _ => "has a value that is not allowed".to_owned(),
    }
}

fn pointer_to(field: &str) -> String {
    format!("/{}", field.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape matters")]
    struct Sample {
        name: String,
        size: Option<u32>,
    }

    fn problems(value: &Value) -> Vec<(String, String)> {
        read::<Sample>(value).unwrap_err().into_iter().map(|problem| (problem.pointer, problem.message)).collect()
    }

    #[test]
    fn names_every_missing_and_unknown_field_at_once() {
        let found = problems(&json!({"sise": 4, "a/b": 1}));
        assert_eq!(
            found,
            [
                ("/name".to_owned(), "is missing".to_owned()),
                ("/a~1b".to_owned(), "is not a known field".to_owned()),
                ("/sise".to_owned(), "is not a known field".to_owned()),
            ]
        );
    }

    #[test]
    fn a_wrong_type_is_named_without_its_value() {
        assert_eq!(
            problems(&json!({"name": "x", "size": "canary"})),
            [("/size".to_owned(), "must be of type integer or null".to_owned())]
        );
    }

    #[test]
    fn anything_but_an_object_is_refused() {
        assert_eq!(problems(&json!([])), [(String::new(), "must be an object".to_owned())]);
    }
}
