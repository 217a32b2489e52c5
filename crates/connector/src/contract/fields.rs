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

/// Reads `value` as `T` and judges it by `rules`. Serde's own messages quote the value, so the words come from the schema
/// instead.
///
/// Serde ends at the first mistake, and rules can only judge what was read. So a field with a mistake is left out (or, when it
/// is required and a text, stands as an empty one) until the rest can be read; what rules say about such a field is dropped.
pub(super) fn read<T: DeserializeOwned + JsonSchema>(
    value: &Value,
    rules: impl FnOnce(&T) -> Vec<FieldProblem>,
) -> Result<T, Vec<FieldProblem>> {
    let Some(object) = value.as_object() else {
        return Err(vec![FieldProblem::new("", "must be an object")]);
    };
    let schema = schemars::schema_for!(T).to_value();
    let mut problems = known_and_complete(&schema, object);
    let mut rest = object.clone();
    for problem in &problems {
        stand_in(&schema, &mut rest, problem);
    }
    loop {
        match serde_path_to_error::deserialize::<_, T>(&Value::Object(rest.clone())) {
            Ok(read) => {
                let mut more = rules(&read);
                more.retain(|more| !problems.iter().any(|known| is_within(more, known)));
                problems.extend(more);
                return if problems.is_empty() { Ok(read) } else { Err(problems) };
            }
            Err(error) => {
                let problem = mistake(&schema, &error.path().to_string());
                // The same again, or none of a field's: what is left cannot be read.
                let is_new =
                    rest.contains_key(field_of(&problem)) && !problems.iter().any(|known| is_within(&problem, known));
                if is_new || problems.is_empty() {
                    stand_in(&schema, &mut rest, &problem);
                    problems.push(problem);
                }
                if !is_new {
                    return Err(problems);
                }
            }
        }
    }
}

fn mistake(schema: &Value, path: &str) -> FieldProblem {
    let field = path.split(['.', '[']).next().unwrap_or_default();
    let pointer =
        if path == "." { String::new() } else { format!("/{}", path.replace(['.', '['], "/").replace(']', "")) };
    FieldProblem::new(pointer, expectation(schema, field))
}

/// Takes a wrong field out of what is read, or puts something harmless in its place.
fn stand_in(schema: &Value, rest: &mut Map<String, Value>, problem: &FieldProblem) {
    let field = field_of(problem);
    let is_required = schema
        .get("required")
        .and_then(Value::as_array)
        .is_some_and(|required| required.iter().any(|known| known.as_str() == Some(field)));
    if is_required && property(schema, field).and_then(|property| property.get("type")) == Some(&"string".into()) {
        rest.insert(field.to_owned(), Value::String(String::new()));
    } else {
        // An unknown field's pointer may be escaped; it is left out by what the schema knows.
        rest.retain(|name, _| name != field && property(schema, name).is_some());
    }
}

fn property<'a>(schema: &'a Value, field: &str) -> Option<&'a Value> {
    schema.get("properties")?.get(field)
}

/// The field of the whole that a mistake is in.
fn field_of(problem: &FieldProblem) -> &str {
    problem.pointer.strip_prefix('/').and_then(|path| path.split('/').next()).unwrap_or_default()
}

fn is_within(problem: &FieldProblem, known: &FieldProblem) -> bool {
    field_of(problem) == field_of(known)
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
    match property(schema, field).and_then(|field| field.get("type")) {
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
    struct Sample {
        name: String,
        size: Option<u32>,
    }

    fn rules(sample: &Sample) -> Vec<FieldProblem> {
        let mut problems = Vec::new();
        if sample.name.is_empty() {
            problems.push(FieldProblem::new("/name", "is empty"));
        }
        if sample.size == Some(0) {
            problems.push(FieldProblem::new("/size", "is nothing"));
        }
        problems
    }

    fn problems(value: &Value) -> Vec<(String, String)> {
        read(value, rules).unwrap_err().into_iter().map(|problem| (problem.pointer, problem.message)).collect()
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
    fn every_kind_of_mistake_is_told_at_once() {
        for (value, pointers) in [
            (json!({"name": "", "size": 0}), vec!["/name", "/size"]),
            (json!({"name": 5, "size": "x", "z": 1}), vec!["/z", "/name", "/size"]),
            (json!({"name": "", "size": "x"}), vec!["/size", "/name"]),
            (json!({"size": 0, "z": 1}), vec!["/name", "/z", "/size"]),
            (json!({"name": null, "size": 0}), vec!["/name", "/size"]),
        ] {
            let found: Vec<String> = problems(&value).into_iter().map(|(pointer, _)| pointer).collect();
            assert_eq!(found, pointers, "{value}");
        }
        assert!(read(&json!({"name": "x", "size": 1}), rules).is_ok());
    }

    #[test]
    fn anything_but_an_object_is_refused() {
        assert_eq!(problems(&json!([])), [(String::new(), "must be an object".to_owned())]);
    }
}
