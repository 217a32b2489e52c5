//! Persons as a caller sees them, and what each version sees of the other's writes.

use serde_json::{Value, json};

use crate::testing::body;
use crate::v2::testing::{V2, refusal};

fn ids(items: &[Value]) -> Vec<&str> {
    items.iter().map(|item| item["id"].as_str().unwrap()).collect()
}

#[test]
fn persons_come_ten_at_a_time_and_fifty_at_most() {
    let v2 = V2::new();
    assert_eq!(v2.ok("/v2/persons")["_data"].as_array().unwrap().len(), 10);
    assert_eq!(v2.ok("/v2/persons?limit=50")["_data"].as_array().unwrap().len(), 50);
    let refused = v2.get("/v2/persons?limit=100");
    assert_eq!(refusal(&refused), (400, "Provided value for limit is not valid".to_owned()));
    assert_eq!(v2.get("/v2/persons?limit=0").status, 400);
    assert_eq!(ids(&v2.all("/v2/persons")), v2.person_ids());
}

#[test]
fn a_person_has_the_shape_that_was_seen() {
    let v2 = V2::new();
    for person in v2.bench.handle.people() {
        let id = person["id"].to_string();
        let shown = v2.ok(&format!("/v2/persons/{id}"));
        assert_eq!((&shown["id"], &shown["email"]), (&json!(id), &person["email"]));
        assert_eq!(shown["status"], if person["status"] == "inactive" { "INACTIVE" } else { "ACTIVE" });
        assert!(["UNSPECIFIED", "MALE", "FEMALE", "DIVERSE"].contains(&shown["gender"].as_str().unwrap()));
        assert!(shown["updated_at"].as_str().unwrap().ends_with('Z'));
        assert_eq!(shown["employments"].as_array().unwrap().len(), 1);
        let custom = shown["custom_attributes"].as_array().unwrap();
        assert_eq!(custom.len(), 12);
        for attribute in custom {
            assert!(attribute["id"].as_str().unwrap().starts_with("dynamic_") && attribute.get("label").is_none());
            assert_eq!(attribute["type"].as_str().unwrap().to_lowercase(), attribute["type"]);
            assert!(attribute["value"].is_string() || attribute["value"].is_null());
        }
        assert_eq!(shown, V2::new().ok(&format!("/v2/persons/{id}")));
        if person["id"].as_u64().unwrap() % 9 == 0 {
            break;
        }
    }
}

#[test]
fn each_filter_narrows_the_list() {
    let v2 = V2::new();
    v2.bench.advance_s(60);
    let people = v2.bench.handle.people();
    let (one, two) = (&people[3], &people[4]);
    v2.bench.handle.change_person(one["id"].as_u64().unwrap(), &json!({"preferred_name": "Kim"})).unwrap();
    let (one_id, two_id) = (one["id"].to_string(), two["id"].to_string());
    let found = |query: &str| -> Vec<String> {
        v2.all(&format!("/v2/persons?{query}")).iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(found(&format!("id={one_id},{two_id},7")), [one_id.clone(), two_id.clone()]);
    let emails = format!("email={},{}", one["email"].as_str().unwrap().to_uppercase(), two["email"].as_str().unwrap());
    assert_eq!(found(&emails), [one_id.clone(), two_id.clone()]);
    let changed = [one_id.clone()];
    assert_eq!(found("preferred_name=Kim"), changed);
    assert_eq!(found("updated_at.gt=2026-06-15T08:00:00Z"), changed);
    assert_eq!(found("updated_at=2026-06-15T10:01:00%2B02:00"), changed);
    assert_eq!(found("updated_at.lt=2026-06-15T08:01:00Z").len(), 59);
    assert!(found("created_at.gt=2026-06-15T08:00:00Z").is_empty());
    assert_eq!(found("created_at.lt=2026-06-15T08:00:00Z").len(), 60);
    let name =
        format!("first_name={}&last_name={}", one["first_name"].as_str().unwrap(), one["last_name"].as_str().unwrap());
    assert!(found(&name).contains(&one_id));
    for bad in ["status=active", "updated_at.gt=yesterday", "created_at=2026-06-15"] {
        assert_eq!(refusal(&v2.get(&format!("/v2/persons?{bad}"))).0, 400, "{bad}");
    }
}

#[test]
fn what_may_not_be_read_is_left_out() {
    let v2 = V2::new();
    let client = v2.bench.handle.0.config.client_id();
    v2.bench.handle.set_whitelist(&client, Some(vec!["last_name".into(), "hire_date".into()])).unwrap();
    let id = &v2.person_ids()[9];
    let person = v2.ok(&format!("/v2/persons/{id}"));
    let keys: Vec<&String> = person.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["_meta", "created_at", "custom_attributes", "employments", "id", "last_name", "updated_at"]);
    assert_eq!(person["custom_attributes"], json!([]));
    let employment = &v2.ok(&format!("/v2/persons/{id}/employments"))["_data"][0];
    assert!(employment["employment_start_date"].is_string());
    assert!(["status", "supervisor", "office", "cost_centers"].iter().all(|name| employment.get(*name).is_none()));
    assert!(employment["org_units"] == json!([]) && employment["_meta"]["links"].get("supervisor").is_none());
}

#[test]
fn a_person_is_created_for_both_versions() {
    let v2 = V2::new();
    let attributes = v2.bench.handle.attributes();
    let key = |label: &str| attributes.iter().find(|one| one["label"] == label).unwrap()["key"].clone();
    let boss = v2.person_ids()[0].clone();
    let answer = v2.send(
        "POST",
        "/v2/persons",
        &json!({
            "first_name": "Ida", "last_name": "Blom", "email": "ida@example.org", "gender": "FEMALE", "language_code": "de",
            "custom_attributes": [{"id": key("Badge number"), "value": "77"}, {"id": key("Language skills"), "value": "Deutsch, English"}],
            "employments": [{"employment_start_date": "2026-12-01", "supervisor": {"id": boss}, "position": {"title": "Lead"}}],
        }),
    );
    assert_eq!(answer.status, 201, "{:?}", answer.body);
    let id = body(&answer)["id"].as_str().unwrap().parse::<u64>().unwrap();
    let person = v2.bench.handle.person(id).unwrap();
    assert_eq!((&person["gender"], &person["status"]), (&json!("female"), &json!("onboarding")));
    assert_eq!((&person["supervisor"].to_string(), &person["position"]), (&boss, &json!("Lead")));
    assert_eq!(person[key("Badge number").as_str().unwrap()], 77);
    assert_eq!(person[key("Language skills").as_str().unwrap()], json!(["Deutsch", "English"]));
    assert_eq!(v2.bench.ok(&format!("/v1/company/employees/{id}"))["data"]["attributes"]["first_name"]["value"], "Ida");

    let nameless = v2.send("POST", "/v2/persons", &json!({"first_name": "Ida", "last_name": "Ohne"}));
    assert_eq!((nameless.status, &body(&nameless)["email"]), (201, &Value::Null), "an address is not required");
}

#[test]
fn a_person_that_cannot_be_is_refused_and_changes_nothing() {
    let v2 = V2::new();
    let before = v2.bench.handle.people();
    let full = |more: Value| {
        let mut person = json!({"first_name": "Ida", "last_name": "Blom"});
        person.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        person
    };
    for given in [
        json!([]),
        json!({"first_name": "Ida"}),
        full(json!({"last_name": ""})),
        full(json!({"email": before[0]["email"]})),
        full(json!({"email": "nobody"})),
        full(json!({"gender": "female"})),
        full(json!({"language_code": "xx"})),
        full(json!({"custom_attributes": [{"id": "dynamic_1", "value": "x"}]})),
        full(json!({"custom_attributes": [{"id": "last_name", "value": "x"}]})),
        full(json!({"employments": [{}, {}]})),
        full(json!({"employments": [{"supervisor": {"id": "1"}}]})),
    ] {
        assert_eq!(refusal(&v2.send("POST", "/v2/persons", &given)).0, 400, "{given}");
    }
    assert_eq!(v2.bench.handle.people(), before);
}

#[test]
fn a_change_may_set_the_address_and_says_nothing() {
    let v2 = V2::new();
    let before = v2.bench.handle.people()[5].clone();
    let path = format!("/v2/persons/{}", before["id"]);
    let answer = v2.send("PATCH", &path, &json!({"email": "new@example.org", "gender": "UNKNOWN", "unheard_of": 1}));
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    let after = v2.ok(&path);
    assert_eq!((&after["email"], &after["gender"]), (&json!("new@example.org"), &json!("UNSPECIFIED")));
    assert_eq!(after["last_name"], before["last_name"]);
    assert_eq!(v2.send("PATCH", &path, &json!({"last_name": null})).status, 400);
    assert_eq!(v2.send("PATCH", "/v2/persons/1", &json!({})).status, 404);
}

#[test]
fn who_is_deleted_is_gone_from_both_versions() {
    let v2 = V2::new();
    let id = v2.person_ids()[2].clone();
    assert_eq!(v2.send("DELETE", &format!("/v2/persons/{id}"), &Value::Null).status, 204);
    assert_eq!(v2.get(&format!("/v2/persons/{id}")).status, 404);
    assert_eq!(v2.bench.get(&format!("/v1/company/employees/{id}")).status, 404);
    assert!(v2.all(&format!("/v2/absence-periods?person.id={id}")).is_empty());
    assert_eq!(v2.send("DELETE", &format!("/v2/persons/{id}"), &Value::Null).status, 404);
}
