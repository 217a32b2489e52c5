//! Employments as a caller sees them.

use serde_json::{Value, json};

use crate::v2::testing::V2;

fn employment(v2: &V2, person: &str) -> (String, Value) {
    let page = v2.ok(&format!("/v2/persons/{person}/employments"));
    let items = page["_data"].as_array().unwrap();
    assert_eq!(items.len(), 1);
    (format!("/v2/persons/{person}/employments/{}", items[0]["id"].as_str().unwrap()), items[0].clone())
}

#[test]
fn each_person_has_one_with_units_by_id() {
    let v2 = V2::new();
    for person in v2.bench.handle.people() {
        let id = person["id"].to_string();
        let (path, shown) = employment(&v2, &id);
        assert_eq!(v2.ok(&path), shown);
        assert_eq!(shown["id"], v2.ok(&format!("/v2/persons/{id}"))["employments"][0]["id"]);
        assert_eq!(shown["status"], person["status"].as_str().unwrap().to_uppercase());
        assert_eq!(shown["weekly_working_hours"], person["weekly_working_hours"]);
        assert_eq!(shown["employment_start_date"], person["hire_date"]);
        let of = |key: &str| person[key].get("id").map_or(Value::Null, |id| json!({"id": id.to_string()}));
        assert_eq!((&shown["office"], &shown["legal_entity"]), (&of("office"), &of("subcompany")));
        let units = shown["org_units"].as_array().unwrap();
        assert!(units.iter().all(|unit| unit["id"] == json!(person[unit["type"].as_str().unwrap()]["id"].to_string())));
        let shares = shown["cost_centers"].as_array().unwrap();
        assert!(shares.iter().all(|share| share["weight"].is_u64() && share.get("name").is_none()));
        assert_eq!(
            shown["termination"]["termination_date"],
            person.get("termination_date").cloned().unwrap_or_default()
        );
        assert_eq!(
            shown["supervisor"]["id"].as_str().map(str::to_owned),
            person["supervisor"].as_u64().map(|id| id.to_string())
        );
    }
}

#[test]
fn an_employment_is_found_under_its_person_only() {
    let v2 = V2::new();
    let ids = v2.person_ids();
    let (_, one) = employment(&v2, &ids[1]);
    let id = one["id"].as_str().unwrap();
    assert_eq!(v2.get(&format!("/v2/persons/{}/employments/{id}", ids[2])).status, 404);
    assert_eq!(v2.get("/v2/persons/1/employments").status, 404);
    let path = format!("/v2/persons/{}/employments", ids[1]);
    assert_eq!(v2.all(&format!("{path}?id={id}")).len(), 1);
    assert!(v2.all(&format!("{path}?id=00000000-0000-4000-8000-000000000000")).is_empty());
    assert!(v2.all(&format!("{path}?updated_at.gt=2026-06-15T08:00:00Z")).is_empty());
    assert_eq!(v2.get(&format!("{path}?updated_at.lt=2026")).status, 400);
    assert_eq!(v2.get(&format!("{path}?limit=51")).status, 400);
}

#[test]
fn a_change_is_seen_by_version_1() {
    let v2 = V2::new();
    let people = v2.bench.handle.people();
    let (person, other) = (&people[20], &people[9]);
    let id = person["id"].to_string();
    let (path, _) = employment(&v2, &id);
    let by_id = |unit: &Value| json!({"id": unit["id"].to_string()});
    let change = json!({
        "weekly_working_hours": 20, "contract_end_date": "2027-01-31", "type": "EXTERNAL", "position": {"title": "Lead"},
        "supervisor": null, "office": null, "legal_entity": by_id(&other["subcompany"]),
        "org_units": [{"type": "department", "id": other["department"]["id"].to_string()}],
        "cost_centers": [{"id": other["cost_centers"][0]["id"].to_string(), "weight": 100}],
        "termination": {"termination_date": "2027-01-31"},
    });
    // Not everybody has a cost centre.
    assert!(other["cost_centers"][0].is_object());
    let answer = v2.send("PATCH", &path, &change);
    assert_eq!((answer.status, answer.body.len()), (204, 0), "{:?}", answer.body);
    let after = v2.bench.handle.person(person["id"].as_u64().unwrap()).unwrap();
    assert_eq!((&after["weekly_working_hours"], &after["employment_type"]), (&json!(20), &json!("external")));
    assert_eq!((&after["department"], &after["subcompany"]), (&other["department"], &other["subcompany"]));
    assert!(after["team"].is_null() && after["office"].is_null() && after["supervisor"].is_null());
    assert_eq!(after["cost_centers"][0]["percentage"], 100);
    assert_eq!(after.get("termination_date"), person.get("termination_date"), "which cannot be set");
    for bad in [
        json!({"office": {"id": "1"}}),
        json!({"org_units": [{"type": "division", "id": "1"}]}),
        json!({"cost_centers": [{"id": other["cost_centers"][0]["id"].to_string()}]}),
        json!({"supervisor": {"id": id}}),
        json!({"employment_start_date": "soon"}),
    ] {
        assert_eq!(v2.send("PATCH", &path, &bad).status, 400, "{bad}");
    }
}
