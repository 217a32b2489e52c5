//! The OpenAPI document: what routes say about themselves, completed by what all of them share (problems, headers, keys).
//!
//! It is committed as `docs/openapi.json` and compared in a test; `gangway openapi` prints it.

use actix_web::App as ActixApp;
use serde_json::{Map, Value, json};
use utoipa::{OpenApi as _, openapi::OpenApi};
use utoipa_actix_web::AppExt;

use crate::{
    connections,
    problem_json::{self, ProblemView},
    routes,
};

const DESCRIPTION: &str = "Connect HR systems, keep a true copy of their people, and hear what changed.\n\n\
    Send an API key as `Authorization: Bearer gwt_…`. An operator's key (`gwo_…`) names the tenant to act for in \
    `Gangway-Tenant`. Failures are RFC 9457 problems with a stable `code`, explained at `/docs/errors`. Listings are read page \
    by page: give `next` as `after`. A creating request with an `Idempotency-Key` can be repeated safely for 24 hours.";

#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "Gangway", license(name = "Apache-2.0", identifier = "Apache-2.0")),
    components(schemas(ProblemView)),
    tags(
        (name = "tenants", description = "Operators onboard their customers"),
        (name = "keys", description = "A tenant's API keys"),
        (name = "connectors", description = "What can be connected"),
        (name = "connections", description = "A tenant's vendor accounts, their attributes and budgets"),
        (name = "syncs", description = "Keeping streams fresh"),
        (name = "settings", description = "What a tenant sets for itself"),
        (name = "records", description = "Employees, absences and attendances"),
        (name = "events", description = "What changed"),
        (name = "audit", description = "Who did what"),
        (name = "jobs", description = "Background work"),
        (name = "health", description = "For load balancers"),
    )
)]
struct Base;

/// The OpenAPI 3.1 document of every route.
///
/// # Panics
/// Never: a test builds it.
pub fn openapi() -> OpenApi {
    let (_, collected) =
        ActixApp::new().into_utoipa_app().openapi(Base::openapi()).configure(routes::configure).split_for_parts();
    let mut document = serde_json::to_value(collected).unwrap_or_default();
    complete(&mut document);
    serde_json::from_value(document).expect("a document that was made here can be read here")
}

/// The document as a running server tells it: who reads it elsewhere must find the server by its outside name. Pages of our
/// own may only ask where they came from, so the relative one stays beside it.
pub(crate) fn served(public_url: Option<&str>) -> OpenApi {
    let mut document = openapi();
    if let Some(url) = public_url {
        document.servers.get_or_insert_default().insert(0, utoipa::openapi::Server::new(url));
    }
    document
}

fn complete(document: &mut Value) {
    // The licence's name of the base stays; the crate's version and description are ours to say.
    if let Some(info) = document.get_mut("info").and_then(Value::as_object_mut) {
        info.insert("description".to_owned(), DESCRIPTION.into());
        info.insert("version".to_owned(), "1".into());
        info.remove("contact");
    }
    set(document, "servers", json!([{ "url": "/" }]));
    set(document, "security", json!([{ "key": [] }]));
    if let Some(components) = document.get_mut("components").and_then(Value::as_object_mut) {
        components.insert(
            "securitySchemes".to_owned(),
            json!({ "key": {
                "type": "http", "scheme": "bearer", "bearerFormat": "gwt_… or gwo_…",
                "description": "A tenant's key, or an operator's key with `Gangway-Tenant`.",
            }}),
        );
    }
    let failures: Map<String, Value> = FAILURES
        .iter()
        .map(|(status, description)| (format!("Problem{status}"), problem(status, description)))
        .collect();
    if let Some(components) = document.get_mut("components").and_then(Value::as_object_mut) {
        components.insert("responses".to_owned(), Value::Object(failures));
    }
    let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) else { return };
    for (path, item) in paths.iter_mut() {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            if let Some(operation) = operation.as_object_mut() {
                complete_operation(path, method, operation);
            }
        }
    }
}

fn set(document: &mut Value, member: &str, value: Value) {
    if let Some(object) = document.as_object_mut() {
        object.insert(member.to_owned(), value);
    }
}

fn complete_operation(path: &str, method: &str, operation: &mut Map<String, Value>) {
    let is_public = !path.starts_with("/v1/");
    let has_body = operation.contains_key("requestBody");
    let creates = creates(path, method);
    if is_public {
        operation.insert("security".to_owned(), json!([]));
    } else {
        add_parameters(path, method, creates, operation);
    }
    let statuses = statuses(path, method, has_body, is_public);
    let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
    for response in responses.values_mut() {
        add_headers(path, method, response);
    }
    for status in statuses {
        responses.insert(status.to_owned(), json!({ "$ref": format!("#/components/responses/Problem{status}") }));
    }
    if let Some(links) = links(path, method) {
        let good = responses.iter_mut().find(|(status, _)| status.starts_with('2'));
        if let Some(answer) = good.and_then(|(_, answer)| answer.as_object_mut()) {
            answer.insert("links".to_owned(), links);
        }
    }
}

/// Creating requests take an `Idempotency-Key`; a check, a discovery, a preview or a resume may simply be repeated.
fn creates(path: &str, method: &str) -> bool {
    let repeatable = ["/check", "/discover", "/preview", "/resume", "/release", "/refuse"];
    method == "post" && !repeatable.iter().any(|verb| path.ends_with(verb))
}

/// Whether the object of the path has an `ETag`.
fn is_versioned(path: &str) -> bool {
    let objects = ["tenants", "connections", "syncs", "employees", "absences", "attendances"];
    objects.iter().any(|object| path == format!("/v1/{object}/{{id}}"))
        || path.ends_with("/credential")
        || path.ends_with("/mapping")
        || path == "/v1/settings"
}

fn takes_if_match(path: &str, method: &str) -> bool {
    matches!(method, "patch" | "put" | "delete") && is_versioned(path)
}

fn add_parameters(path: &str, method: &str, creates: bool, operation: &mut Map<String, Value>) {
    let is_operators = path.starts_with("/v1/tenants");
    let parameters = operation.entry("parameters").or_insert_with(|| json!([]));
    let Some(parameters) = parameters.as_array_mut() else { return };
    let mut add = |name: &str, description: &str, schema: Value| {
        parameters.push(json!({
            "name": name, "in": "header", "required": false, "description": description, "schema": schema,
        }));
    };
    if !is_operators {
        add(
            "Gangway-Tenant",
            "The tenant to act for; needed with an operator's key.",
            json!({ "type": "string", "pattern": "^ten_[0-9a-f]{32}$" }),
        );
    }
    if creates {
        add(
            "Idempotency-Key",
            "Names this request, so that repeating it within 24 hours gives the same answer.",
            json!({ "type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[ -~]+$" }),
        );
    }
    if takes_if_match(path, method) {
        add(
            "If-Match",
            "The `ETag` you have seen: the change is refused when somebody made another in between.",
            json!({ "type": "string" }),
        );
    }
}

fn add_headers(path: &str, method: &str, response: &mut Value) {
    let Some(response) = response.as_object_mut() else { return };
    let mut headers = json!({ "X-Request-Id": {
        "description": "Names this request in our logs.", "schema": { "type": "string" },
    }});
    let mut add = |name: &str, description: &str| {
        set(&mut headers, name, json!({ "description": description, "schema": { "type": "string" } }));
    };
    if path.starts_with("/v1/") {
        add(
            "RateLimit-Policy",
            "How many requests the key has in how many seconds: `\"key\";q=1200;w=60`. Absent without a limit.",
        );
        add(
            "RateLimit",
            "What is left of them, and for how many seconds: `\"key\";r=1199;t=60`. Absent without a limit.",
        );
    }
    if creates(path, method) {
        add("Location", "Where the new object is.");
    }
    let shows_version = is_versioned(path) && matches!(method, "get" | "patch" | "put");
    if shows_version || (method == "post" && ["/v1/tenants", "/v1/connections", "/v1/syncs"].contains(&path)) {
        add("ETag", "The object's version, for `If-Match`.");
    }
    response.insert("headers".to_owned(), headers);
}

/// Every failure there is, described once.
const FAILURES: &[(&str, &str)] = &[
    ("400", "The request cannot be read, or an operator's key names no tenant"),
    ("401", "No key, or not a valid one"),
    ("403", "The key may not do this, or the tenant is suspended"),
    ("404", "No such object in this tenant"),
    ("409", "In the way of another object or request"),
    ("412", "The object has changed"),
    ("413", "The body is too large"),
    ("414", "The URL is too long"),
    ("415", "The body is not JSON"),
    ("422", "Readable, but values are wrong"),
    ("429", "Asked too often; `Retry-After` says when to ask again"),
    ("431", "The headers are too large"),
    ("500", "A mistake of ours"),
    ("502", "The vendor refused, failed or cannot be understood"),
    ("503", "Temporarily away, or a vendor's limit is used up"),
];

/// The failures a route can answer.
fn statuses(path: &str, method: &str, has_body: bool, is_public: bool) -> Vec<&'static str> {
    let asks_vendor = ["/check", "/discover", "/proxy", "/picture"].iter().any(|end| path.ends_with(end));
    let answers = |status: &str| match status {
        "500" => true,
        "503" => path != "/healthz",
        _ if is_public => false,
        "409" => matches!(method, "post" | "patch" | "put"),
        "412" => takes_if_match(path, method) || (asks_vendor && method == "post"),
        "413" | "415" => has_body,
        "502" => asks_vendor,
        _ => true,
    };
    FAILURES.iter().map(|(status, _)| *status).filter(|status| answers(status)).collect()
}

fn problem(status: &str, description: &str) -> Value {
    let mut headers = json!({ "X-Request-Id": {
        "description": "Names this request in our logs.", "schema": { "type": "string" },
    }});
    if ["409", "429", "503"].contains(&status) {
        set(
            &mut headers,
            "Retry-After",
            json!({
                "description": "Seconds after which to try again, when known.", "schema": { "type": "string" },
            }),
        );
    }
    json!({
        "description": description,
        "headers": headers,
        "content": { problem_json::MEDIA_TYPE: { "schema": { "$ref": "#/components/schemas/Problem" } } },
    })
}

/// From a created object to what can be done with it, and from a listing to its first object.
fn links(path: &str, method: &str) -> Option<Value> {
    let operations: &[&str] = match (path, method) {
        ("/v1/tenants", "post") => &["get_tenant", "update_tenant"],
        ("/v1/keys", "post") => &["get_key", "revoke_key"],
        ("/v1/connections", "post") => &[
            "get_connection",
            "update_connection",
            "delete_connection",
            "put_credential",
            "check_connection",
            "discover_attributes",
            "resume_connection",
            "list_attributes",
            "get_budget",
        ],
        ("/v1/syncs", "post") => &["get_sync", "update_sync", "delete_sync", "start_run", "list_runs"],
        ("/v1/syncs/{id}/runs", _) => &["get_run"],
        ("/v1/jobs/{id}/retry", "post") | ("/v1/jobs", "get") => &["get_job"],
        ("/v1/tenants", "get") => &["get_tenant"],
        ("/v1/keys", "get") => &["get_key"],
        ("/v1/connectors", "get") => &["get_connector"],
        ("/v1/connections", "get") => &["get_connection", "list_attributes", "get_budget", "read_through"],
        ("/v1/syncs", "get") => &["get_sync", "list_runs"],
        ("/v1/employees", "get") => &["get_employee", "list_employee_history", "get_employee_picture"],
        ("/v1/absences", "get") => &["get_absence"],
        ("/v1/attendances", "get") => &["get_attendance"],
        _ => return None,
    };
    let id = if method == "get" { "$response.body#/data/0/id" } else { "$response.body#/id" };
    let links: Map<String, Value> = operations
        .iter()
        .map(|name| {
            let mut parameters = json!({ "id": id });
            if *name == "read_through" {
                set(&mut parameters, "path", connections::proxy::EXAMPLE.into());
            }
            let link = json!({ "operationId": name, "parameters": parameters });
            ((*name).to_owned(), link)
        })
        .collect();
    Some(Value::Object(links))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_openapi_3_1_and_every_operation_has_a_name_of_its_own() {
        let document = serde_json::to_value(openapi()).unwrap();
        assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
        let mut names = std::collections::HashSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let name = operation["operationId"].as_str().unwrap().to_owned();
                assert!(names.insert(name.clone()), "{name} is used twice");
                assert!(operation["summary"].is_string(), "{method} {path} has no summary");
            }
        }
        assert!(names.len() > 30);
    }

    #[test]
    fn whatever_is_created_leads_to_operations_that_exist() {
        let document = serde_json::to_value(openapi()).unwrap();
        let text = document.to_string();
        for (path, item) in document["paths"].as_object().unwrap() {
            if item.get("post").is_none() || !creates(path, "post") {
                continue;
            }
            let answers = &item["post"]["responses"];
            let links = ["201", "202"].iter().find_map(|status| answers[*status]["links"].as_object());
            for name in links.unwrap_or_else(|| panic!("{path} leads nowhere")).keys() {
                assert!(text.contains(&format!("\"operationId\":\"{name}\"")), "{name}");
            }
        }
    }

    #[test]
    fn a_listing_of_objects_that_can_be_read_leads_to_one() {
        let document = serde_json::to_value(openapi()).unwrap();
        let paths = document["paths"].as_object().unwrap();
        for (path, item) in paths {
            if let Some(one) = paths.get(&format!("{path}/{{id}}")).and_then(|item| item.get("get")) {
                let links = &item["get"]["responses"]["200"]["links"];
                let name = one["operationId"].as_str().unwrap();
                assert_eq!(links[name]["parameters"]["id"], "$response.body#/data/0/id", "{path} to {name}");
            }
        }
    }
}
