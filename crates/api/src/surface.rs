//! What each route reads, as the OpenAPI document says it: parameters of the query, preconditions, and the shape of its body.

use std::collections::HashMap;

use actix_web::{HttpRequest, web};
use gangway_app::FieldError;
use serde_json::Value;

use crate::{extract::shape, site::Document};

/// What every route reads.
pub(crate) struct Surface {
    schemas: Value,
    /// By method and template of the path.
    operations: HashMap<(String, String), Operation>,
}

/// The bodies that the document says are taken, for tools that try them out without a server.
pub struct Bodies(Surface);

impl Bodies {
    /// Of every operation.
    #[expect(clippy::new_without_default, reason = "there is nothing default about a whole document")]
    pub fn new() -> Self {
        Self(Surface::new(&serde_json::to_value(crate::document::openapi()).unwrap_or_default()))
    }

    /// The mistakes of shape that each operation finds in a body; none when it is no JSON.
    pub fn judge(&self, body: &[u8]) -> Option<Vec<Vec<FieldError>>> {
        let value: Value = serde_json::from_slice(body).ok()?;
        let Surface { schemas, operations } = &self.0;
        let schemes = operations.values().filter_map(|operation| operation.body.as_ref());
        Some(schemes.map(|schema| shape::problems(schemas, schema, &value)).collect())
    }
}

/// What one route reads.
pub(crate) struct Operation {
    takes_query: bool,
    takes_if_match: bool,
    body: Option<Value>,
}

/// What the route of a request reads.
pub(crate) struct Reads<'a> {
    schemas: &'a Value,
    operation: &'a Operation,
}

impl Surface {
    pub(crate) fn new(document: &Value) -> Self {
        let mut operations = HashMap::new();
        let paths = document.get("paths").and_then(Value::as_object).into_iter().flatten();
        for (path, item) in paths {
            for (method, operation) in item.as_object().into_iter().flatten() {
                let parameters = operation.get("parameters").and_then(Value::as_array);
                let has = |is: fn(&Value) -> bool| parameters.is_some_and(|parameters| parameters.iter().any(is));
                let body = operation.pointer("/requestBody/content/application~1json/schema").cloned();
                let operation = Operation { takes_query: has(is_of_query), takes_if_match: has(is_if_match), body };
                operations.insert((method.to_uppercase(), path.clone()), operation);
            }
        }
        let schemas = document.pointer("/components/schemas").cloned().unwrap_or_default();
        Self { schemas, operations }
    }

    fn reads(&self, method: &str, template: &str) -> Option<Reads<'_>> {
        let operation = self.operations.get(&(method.to_owned(), template.to_owned()))?;
        Some(Reads { schemas: &self.schemas, operation })
    }
}

impl Reads<'_> {
    /// Whether it has parameters of the query.
    pub(crate) const fn takes_query(&self) -> bool {
        self.operation.takes_query
    }

    /// Whether it compares the version that the caller has seen.
    pub(crate) const fn takes_if_match(&self) -> bool {
        self.operation.takes_if_match
    }

    /// Whether it has a body.
    pub(crate) const fn takes_body(&self) -> bool {
        self.operation.body.is_some()
    }

    /// The schema of its body, and those that it refers to.
    pub(crate) fn body(&self) -> Option<(&Value, &Value)> {
        Some((self.operation.body.as_ref()?, self.schemas))
    }
}

/// What the route of this request reads; none outside of the document.
pub(crate) fn of_route(request: &HttpRequest) -> Option<Reads<'_>> {
    let document = request.app_data::<web::Data<Document>>()?;
    document.surface().reads(request.method().as_str(), &request.match_pattern()?)
}

fn is_of_query(parameter: &Value) -> bool {
    parameter.get("in").and_then(Value::as_str) == Some("query")
}

fn is_if_match(parameter: &Value) -> bool {
    parameter.get("name").and_then(Value::as_str) == Some("If-Match")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn surface() -> Surface {
        Surface::new(&serde_json::to_value(crate::document::openapi()).unwrap())
    }

    #[test]
    fn routes_read_what_the_document_says() {
        let surface = surface();
        for (method, template, query, body) in [
            ("GET", "/v1/tenants", true, false),
            ("GET", "/v1/tenants/{id}", false, false),
            ("POST", "/v1/tenants", false, true),
            ("POST", "/v1/connections/{id}/check", false, false),
            ("DELETE", "/v1/syncs/{id}", false, false),
        ] {
            let reads = surface.reads(method, template).unwrap();
            assert_eq!((reads.takes_query(), reads.takes_body()), (query, body), "{method} {template}");
        }
        assert!(surface.reads("POST", "/v1/connections/{id}").is_none());
    }

    #[test]
    fn every_body_is_an_object_whose_members_are_known() {
        // A credential's and a config's members are the connector's to judge.
        let open = ["/v1/connections/{id}/credential"];
        let surface = surface();
        let mut n_bodies = 0;
        for ((method, template), operation) in &surface.operations {
            let Some(schema) = &operation.body else { continue };
            let name = schema["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
            let schema = &surface.schemas[name];
            assert_eq!(schema["type"], "object", "{method} {template}");
            assert!(
                open.contains(&template.as_str()) || schema["additionalProperties"] == false,
                "{method} {template}"
            );
            n_bodies += 1;
        }
        assert!(n_bodies >= 10);
    }
}
