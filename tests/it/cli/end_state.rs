//! What a demo ended in, as anybody sees it through the API, in a form in which two demos can be compared: without times of
//! ours, ids of ours named by what they stand for, the sandbox by its role.

use std::collections::{BTreeMap, HashMap};

use gangway_testkit::Client;
use serde_json::Value;

/// Times of ours, and the place in a log: two demos differ in them.
const OURS: &[&str] = &[
    "changed_at",
    "checked_at",
    "created_at",
    "cursor",
    "discovered_at",
    "finished_at",
    "first_completed_at",
    "first_seen_at",
    "last_seen_at",
    "next_run_at",
    "occurred_at",
    "sequence",
    "started_at",
    "updated_at",
];

/// Rows of the API by the route they were read from.
pub(super) type EndState = BTreeMap<&'static str, Vec<Value>>;

/// The text after the first line that begins so.
pub(super) fn line<'a>(lines: &'a [String], beginning: &str) -> &'a str {
    let found = lines.iter().find_map(|line| line.strip_prefix(beginning));
    found.unwrap_or_else(|| panic!("no line begins with `{beginning}`: {lines:#?}"))
}

/// The API of a demo, by what it printed.
pub(super) fn client(lines: &[String]) -> Client {
    Client::new(line(lines, "api: ").split(' ').next().unwrap())
}

/// Reads everything that a demo's tenant has.
pub(super) async fn read(lines: &[String]) -> EndState {
    let (client, key) = (client(lines), line(lines, "tenant key: "));
    let mut state = EndState::new();
    for (route, path) in [
        ("connections", "/v1/connections"),
        ("syncs", "/v1/syncs"),
        ("employees", "/v1/employees"),
        ("absences", "/v1/absences"),
        ("attendances", "/v1/attendances"),
        ("events", "/v1/events"),
    ] {
        state.insert(route, client.list(key, path).await);
    }
    let connection = text(&state["connections"][0], "id").to_owned();
    state.insert("attributes", client.list(key, &format!("/v1/connections/{connection}/attributes")).await);
    let mut runs = Vec::new();
    for sync in &state["syncs"] {
        runs.extend(client.list(key, &format!("/v1/syncs/{}/runs", text(sync, "id"))).await);
    }
    state.insert("runs", runs);
    forget_the_schedule(&mut state);
    let (mut history, mut some) = (Vec::new(), state["employees"].clone());
    // Two databases list them in an order of their own.
    some.sort_by_cached_key(|employee| employee["origin"]["external_id"].to_string());
    for employee in some.iter().step_by(100) {
        history.extend(client.list(key, &format!("/v1/employees/{}/history", text(employee, "id"))).await);
    }
    state.insert("history", history);
    let names = names(&state);
    let sandbox = line(lines, "sandbox vendor: ");
    for rows in state.values_mut() {
        for row in &mut *rows {
            plain(row, &names, sandbox);
        }
        // Pages of several streams come in any order, so ours is of no account.
        rows.sort_by_cached_key(Value::to_string);
    }
    state
}

/// A schedule's time may come at any moment: what it did after the first run, which reads everything, is left out.
fn forget_the_schedule(state: &mut EndState) {
    let is_later = |run: &Value| run["mode"] == "incremental";
    let later: Vec<_> = state["runs"].iter().filter(|run| is_later(run)).map(|run| run["id"].clone()).collect();
    for rows in state.values_mut() {
        rows.retain(|row| !is_later(row) && !later.contains(&row["run_id"]));
    }
    for sync in state.get_mut("syncs").into_iter().flatten().filter_map(Value::as_object_mut) {
        sync.remove("last_run_id");
        sync.remove("version");
    }
}

/// Both are the same, told row by row.
pub(super) fn assert_same(left: &EndState, right: &EndState) {
    assert!(left.keys().eq(right.keys()));
    for (route, rows) in left {
        let others = &right[route];
        assert_eq!(rows.len(), others.len(), "{route}");
        for (row, other) in rows.iter().zip(others) {
            assert_eq!(row, other, "{route}");
        }
    }
}

fn text<'a>(row: &'a Value, field: &str) -> &'a str {
    row[field].as_str().unwrap_or_else(|| panic!("{field} is a text in {row}"))
}

/// What each id of ours stands for.
fn names(state: &EndState) -> HashMap<String, String> {
    let mut names = HashMap::new();
    let mut name = |row: &Value, field: &str, name: String| {
        let taken = names.insert(text(row, field).to_owned(), name);
        assert!(taken.is_none() || field == "person_id", "{field} is there twice: {row}");
    };
    for row in &state["connections"] {
        name(row, "id", text(row, "name").to_owned());
    }
    for row in &state["attributes"] {
        name(row, "id", format!("attribute {} {}", text(row, "stream"), text(row, "key")));
    }
    for row in &state["syncs"] {
        name(row, "id", format!("sync of {}", text(row, "stream")));
    }
    for row in &state["runs"] {
        name(row, "id", format!("{} run of {}", text(row, "mode"), text(row, "stream")));
    }
    for route in ["employees", "absences", "attendances"] {
        for row in &state[route] {
            name(row, "id", format!("{route} {}", text(&row["origin"], "external_id")));
        }
    }
    for row in &state["employees"] {
        name(row, "person_id", format!("person of {}", text(&row["origin"], "external_id")));
    }
    for row in state["events"].iter().chain(&state["history"]) {
        names.insert(text(row, "id").to_owned(), "event".to_owned());
    }
    names
}

fn plain(value: &mut Value, names: &HashMap<String, String>, sandbox: &str) {
    match value {
        Value::String(text) => {
            *text = names.get(text).cloned().unwrap_or_else(|| text.replace(sandbox, "https://sandbox"));
        }
        Value::Array(values) => values.iter_mut().for_each(|value| plain(value, names, sandbox)),
        Value::Object(fields) => {
            fields.retain(|field, _| !OURS.contains(&field.as_str()));
            fields.values_mut().for_each(|value| plain(value, names, sandbox));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
