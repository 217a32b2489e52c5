//! The endpoints as a caller sees them, without HTTP between.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde_json::{Value, json};

use crate::config::{Config, CredentialConfig, Dialect, Limits, RateLimit};
use crate::testing::{Bench, body, header, start};

fn guide() -> Bench {
    Bench::of(|config| config.with_dialect(Dialect::Guide).without_rate_limit())
}

fn ids(page: &Value) -> Vec<u64> {
    let data = page["data"].as_array().unwrap();
    data.iter().map(|item| item["attributes"]["id"]["value"].as_u64().unwrap()).collect()
}

fn all_ids(bench: &Bench) -> Vec<u64> {
    bench.handle.people().iter().map(|person| person["id"].as_u64().unwrap()).collect()
}

#[test]
fn employees_come_fifty_at_a_time_and_a_hundred_at_most() {
    let bench = Bench::of(|config| Config { people: 230, ..config.without_rate_limit() });
    let page = bench.ok("/v1/company/employees");
    assert_eq!(ids(&page).len(), 50);
    assert_eq!(page["metadata"], json!({"total_elements": 230, "current_page": 0, "total_pages": 5}));
    assert_eq!((&page["offset"], &page["limit"]), (&json!(0), &json!(50)));
    assert_eq!(ids(&bench.ok("/v1/company/employees?limit=200")).len(), 100);
    let mut seen = Vec::new();
    for offset in [0, 100, 200, 230] {
        seen.extend(ids(&bench.ok(&format!("/v1/company/employees?limit=100&offset={offset}"))));
    }
    assert_eq!(seen, all_ids(&bench));
    assert_eq!(bench.ok("/v1/company/employees?limit=100&offset=100")["metadata"]["current_page"], 1);
}

#[test]
fn the_guide_pages_by_two_hundred_without_metadata() {
    let bench = Bench::of(|config| Config { people: 230, ..config.with_dialect(Dialect::Guide).without_rate_limit() });
    let page = bench.ok("/v1/company/employees");
    assert_eq!(ids(&page).len(), 200);
    assert_eq!(page.as_object().unwrap().keys().collect::<Vec<_>>(), ["data", "success"]);
    assert_eq!(ids(&bench.ok("/v1/company/employees?limit=200&offset=200")).len(), 30);
    assert!(ids(&bench.ok("/v1/company/employees?limit=200&offset=400")).is_empty());
}

#[test]
fn metadata_can_be_left_out() {
    let bench = Bench::new();
    bench.handle.change_switches(&json!({"metadata": false})).unwrap();
    let page = bench.ok("/v1/company/employees?limit=1");
    assert!(page.get("metadata").is_none() && page["data"].is_array());
}

#[test]
fn both_dialects_describe_the_same_people() {
    let (vendor, guide) = (Bench::new(), guide());
    assert_eq!(vendor.handle.people(), guide.handle.people());
    let of = |page: Value| page["data"].as_array().unwrap().clone();
    let left = of(vendor.ok("/v1/company/employees?limit=100"));
    let right = of(guide.ok("/v1/company/employees"));
    assert_eq!(left.len(), right.len());
    for (left, right) in left.iter().zip(&right) {
        for key in ["id", "first_name", "last_name", "email"] {
            assert_eq!(left["attributes"][key]["value"], right["attributes"][key]["value"]);
        }
        assert_eq!(left["attributes"]["employment_type"]["value"], right["attributes"]["employee_type"]["value"]);
        assert!(right["attributes"].get("employment_type").is_none());
        for envelope in right["attributes"].as_object().unwrap().values() {
            assert_eq!(envelope.as_object().unwrap().keys().collect::<Vec<_>>(), ["type", "value"]);
        }
    }
}

#[test]
fn vendor_values_have_the_vendors_shapes() {
    let bench = Bench::of(|config| Config { people: 120, ..config.without_rate_limit() });
    let mut empty_shapes = BTreeSet::new();
    let mut tags = BTreeSet::new();
    for page in [0, 100] {
        for item in bench.ok(&format!("/v1/company/employees?limit=100&offset={page}"))["data"].as_array().unwrap() {
            let a = &item["attributes"];
            assert!(a["weekly_working_hours"]["value"].is_string());
            let hired = a["hire_date"]["value"].as_str().unwrap();
            assert!(hired.ends_with("T00:00:00+01:00") || hired.ends_with("T00:00:00+02:00"), "{hired}");
            assert!(a["fix_salary"]["value"].is_number() || a["fix_salary"]["value"].is_null());
            assert_eq!(a["fix_salary"]["currency"], "EUR");
            assert!(a["cost_centers"]["value"].is_array());
            if let Some(supervisor) = a["supervisor"]["value"].as_object() {
                assert_eq!(supervisor["type"], "Employee");
                assert!(supervisor["attributes"]["id"]["value"].is_u64());
            }
            match &a["team"]["value"] {
                Value::Object(team) => assert!(team["attributes"]["name"].is_string()),
                other => drop(empty_shapes.insert(other.to_string())),
            }
            let languages = a.as_object().unwrap().values().find(|v| v["label"] == "Language skills").unwrap();
            tags.extend(languages["value"].as_str().map(|text| text.starts_with('[')));
        }
    }
    assert_eq!(empty_shapes.into_iter().collect::<Vec<_>>(), ["\"\"", "[]", "null"]);
    assert_eq!(tags.into_iter().collect::<Vec<_>>(), [false, true]);
}

#[test]
fn projection_keeps_the_id_and_what_was_asked_for() {
    let bench = Bench::new();
    let page = bench.ok("/v1/company/employees?limit=1&attributes[]=email&attributes%5B%5D=office");
    let attributes = page["data"][0]["attributes"].as_object().unwrap();
    assert_eq!(attributes.keys().collect::<Vec<_>>(), ["email", "id", "office"]);
}

#[test]
fn email_finds_one_in_a_list() {
    let bench = Bench::new();
    let person = &bench.handle.people()[7];
    let page = bench.ok(&format!("/v1/company/employees?email={}", person["email"].as_str().unwrap()));
    assert_eq!(ids(&page), [person["id"].as_u64().unwrap()]);
    assert_eq!(page["metadata"]["total_elements"], 1);
    assert!(ids(&bench.ok("/v1/company/employees?email=nobody@acme.example")).is_empty());
}

#[test]
fn updated_since_tells_who_changed_and_is_paginated() {
    let bench = Bench::new();
    let since = "/v1/company/employees?updated_since=2026-06-15T08:00:00";
    assert!(ids(&bench.ok(since)).is_empty());
    bench.advance_s(60);
    let people = all_ids(&bench);
    for id in &people[..3] {
        bench.handle.change_person(*id, &json!({"position": "Neue Aufgabe"})).unwrap();
    }
    assert_eq!(ids(&bench.ok(since)), people[..3]);
    assert_eq!(ids(&bench.ok(&format!("{since}&limit=2&offset=2"))), people[2..3]);
    assert_eq!(ids(&bench.ok(&format!("{since}&attributes[]=position"))), people[..3]);
    assert!(ids(&bench.ok(&format!("{since}&attributes[]=office"))).is_empty());
    assert_eq!(bench.get("/v1/company/employees?updated_since=soon").status, 422);
    bench.handle.change_switches(&json!({"updated_since_pages": false})).unwrap();
    assert_eq!(ids(&bench.ok(&format!("{since}&limit=1"))).len(), 3);
}

#[test]
fn the_guide_leaves_leavers_out_of_changes() {
    let bench = guide();
    bench.advance_s(60);
    let id = all_ids(&bench)[3];
    bench.handle.change_person(id, &json!({"status": "inactive"})).unwrap();
    let url = "/v1/company/employees?updated_since=2026-06-15T08:00:30";
    assert!(ids(&bench.ok(url)).is_empty());
    bench.handle.change_person(id, &json!({"status": "active"})).unwrap();
    assert_eq!(ids(&bench.ok(url)), [id]);
}

#[test]
fn a_single_employee_is_the_one_of_the_list() {
    let bench = Bench::new();
    let id = all_ids(&bench)[5];
    let single = bench.ok(&format!("/v1/company/employees/{id}"));
    assert_eq!(single["data"], bench.ok("/v1/company/employees?limit=1&offset=5")["data"][0]);
    let missing = bench.get("/v1/company/employees/1");
    assert_eq!(missing.status, 404);
    assert_eq!(body(&missing)["error"], json!({"code": 404, "message": "Es ist ein Problem aufgetreten "}));
}

#[test]
fn the_whitelist_hides_silently_and_from_discovery_too() {
    let bench = Bench::new();
    let custom = bench.handle.attributes().iter().find(|a| a["label"] == "IBAN").unwrap()["key"].clone();
    bench.handle.change_switches(&json!({"credentials": [{"whitelist": ["email", custom]}]})).unwrap();
    let custom = custom.as_str().unwrap();
    let shown = |page: Value| page["data"][0]["attributes"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(shown(bench.ok("/v1/company/employees")), [custom, "email", "id"]);
    assert_eq!(shown(bench.ok("/v1/company/employees?attributes[]=fix_salary")), ["id"]);
    let listed = bench.ok("/v1/company/employees/attributes");
    let keys: Vec<_> = listed["data"].as_array().unwrap().iter().map(|a| a["key"].as_str().unwrap()).collect();
    assert_eq!(keys, ["id", "email", custom]);
    let id = all_ids(&bench)[0];
    assert_eq!(bench.get(&format!("/v1/company/employees/{id}/profile-picture")).status, 403);
}

#[test]
fn discovery_names_types_options_and_known_ids() {
    let bench = Bench::new();
    let listed = bench.ok("/v1/company/employees/attributes");
    assert_eq!(listed, bench.ok("/v1/company/employees/custom-attributes"));
    let by_label =
        |label: &str| listed["data"].as_array().unwrap().iter().find(|a| a["label"] == label).unwrap().clone();
    assert_eq!(by_label("IBAN")["universal_id"], "iban");
    assert_eq!(by_label("Geburtsdatum")["universal_id"], "date_of_birth");
    assert_eq!(by_label("T-Shirt-Größe")["type"], "list");
    assert_eq!(by_label("T-Shirt-Größe")["options"].as_array().unwrap().len(), 5);
    assert_eq!(by_label("Language skills")["type"], "tags");
    assert!(by_label("Badge number")["key"].as_str().unwrap().starts_with("dynamic_"));
    bench.handle.change_switches(&json!({"credentials": [{"forbid_discovery": true}]})).unwrap();
    let refused = bench.get("/v1/company/employees/attributes");
    assert_eq!((refused.status, &body(&refused)["error"]["code"]), (403, &json!(0)));
    assert_eq!(bench.get("/v1/company/employees").status, 200);
}

#[test]
fn the_guide_knows_only_the_guides_endpoints() {
    let bench = guide();
    let id = all_ids(&bench)[0];
    for path in [
        "employees/attributes".to_owned(),
        "employees/custom-attributes".to_owned(),
        "time-off-types".to_owned(),
        format!("employees/{id}/absences/balance"),
    ] {
        assert_eq!(bench.get(&format!("/v1/company/{path}")).status, 404, "{path}");
    }
}

#[test]
fn time_offs_count_pages_from_one_and_zero_is_one() {
    let bench = Bench::of(|config| Config { people: 60, absences_per_person: 10, ..config.without_rate_limit() });
    let page = |query: &str| bench.ok(&format!("/v1/company/time-offs{query}"));
    let first = page("");
    assert_eq!(first["data"].as_array().unwrap().len(), 200);
    assert_eq!(first["metadata"], json!({"total_elements": 600, "current_page": 1, "total_pages": 3}));
    assert_eq!((&first["offset"], &first["limit"]), (&json!(0), &json!(200)));
    let one = page("?offset=1&limit=200");
    assert_eq!(one["data"], first["data"]);
    assert_eq!((&one["offset"], &one["limit"]), (&json!("1"), &json!("200")));
    assert_eq!(page("?limit=500")["data"].as_array().unwrap().len(), 200);
    let mut seen = BTreeSet::new();
    for number in 1..=3 {
        let page = page(&format!("?offset={number}"));
        assert_eq!(page["metadata"]["current_page"], number);
        seen.extend(page["data"].as_array().unwrap().iter().map(|item| item["attributes"]["id"].as_u64().unwrap()));
    }
    assert_eq!(seen.len(), 600);
    assert!(page("?offset=200")["data"].as_array().unwrap().is_empty());
}

#[test]
fn time_offs_are_narrowed_by_range_people_and_change() {
    let mut bench = Bench::new();
    let absence = bench.handle.absences()[9].clone();
    let day = absence.end_date;
    let page =
        bench.ok(&format!("/v1/company/time-offs?start_date={day}&end_date={day}&employees[]={}", absence.employee_id));
    assert_eq!(page["data"].as_array().unwrap().len(), 1);
    let a = &page["data"][0]["attributes"];
    assert_eq!(a["id"], absence.id);
    assert_eq!(a["employee"]["attributes"]["id"]["value"], absence.employee_id);
    assert!(a["half_day_start"].is_u64() && a["time_off_type"]["attributes"]["category"].is_string());
    assert_eq!(bench.get("/v1/company/time-offs?employees=1").status, 422);
    bench.advance_s(86_400);
    bench.log_in();
    bench.handle.change_absence(absence.id, &json!({"comment": "verlegt"})).unwrap();
    let changed = bench.ok("/v1/company/time-offs?updated_from=2026-06-16&updated_to=2026-06-16");
    assert_eq!(changed["data"].as_array().unwrap().len(), 1);
    assert_eq!(changed["data"][0]["attributes"]["comment"], "verlegt");
}

#[test]
fn time_off_dates_are_local_midnight_in_both_spellings() {
    let bench = Bench::new();
    let page = bench.ok("/v1/company/time-offs");
    let dates: Vec<&str> =
        page["data"].as_array().unwrap().iter().map(|a| a["attributes"]["start_date"].as_str().unwrap()).collect();
    assert!(dates.iter().any(|date| date.ends_with("+0100")) && dates.iter().any(|date| date.ends_with("+02:00")));
    let single = &page["data"][0];
    let id = single["attributes"]["id"].as_u64().unwrap();
    assert_eq!(&bench.ok(&format!("/v1/company/time-offs/{id}"))["data"], single);
    let missing = body(&bench.get("/v1/company/time-offs/1"));
    assert_eq!(missing["error"]["message"], "The absence period was not found.");
}

#[test]
fn the_guides_absences_and_attendances_are_flat_and_need_a_range() {
    let bench = guide();
    assert_eq!(bench.get("/v1/company/time-offs").status, 422);
    let range = "start_date=2020-01-01&end_date=2030-01-01";
    let absences = bench.ok(&format!("/v1/company/time-offs?{range}&limit=200&offset=200"));
    let absences = absences.as_array().unwrap();
    assert_eq!(absences.len(), 40);
    assert_eq!(
        absences[0].as_object().unwrap().keys().collect::<Vec<_>>(),
        ["employee_id", "end_date", "id", "start_date", "type"]
    );
    let attendances = bench.ok(&format!("/v1/company/attendances?{range}"));
    assert_eq!(attendances.as_array().unwrap().len(), 200);
    assert!(attendances[0]["employee"]["id"].is_u64());
}

#[test]
fn time_off_types_are_item_based() {
    let bench = Bench::new();
    let types = bench.ok("/v1/company/time-off-types");
    assert_eq!(types["data"].as_array().unwrap().len(), 7);
    assert_eq!(types["data"][0]["attributes"]["category"], "paid_vacation");
    assert_eq!(bench.ok("/v1/company/time-off-types?limit=2&offset=6")["data"].as_array().unwrap().len(), 1);
}

#[test]
fn attendances_need_both_dates_and_count_items() {
    let bench = Bench::new();
    for query in ["", "?start_date=2026-01-01", "?end_date=2026-01-01"] {
        assert_eq!(bench.get(&format!("/v1/company/attendances{query}")).status, 422);
    }
    let range = "start_date=2025-01-01&end_date=2027-01-01";
    let mut seen = BTreeSet::new();
    for offset in [0, 200, 400, 600] {
        let page = bench.ok(&format!("/v1/company/attendances?{range}&limit=200&offset={offset}"));
        assert_eq!((&page["offset"], &page["limit"]), (&json!(offset.to_string()), &json!("200")));
        seen.extend(page["data"].as_array().unwrap().iter().map(|item| item["id"].as_u64().unwrap()));
    }
    assert_eq!(seen.len(), 480);
    let item = &bench.ok(&format!("/v1/company/attendances?{range}&limit=1"))["data"][0];
    assert!(item["attributes"].get("id").is_none() && item["attributes"]["employee"].is_u64());
    assert_eq!(bench.get(&format!("/v1/company/attendances?{range}&employees=1")).status, 422);
}

#[test]
fn pending_attendances_are_shown_on_demand() {
    let bench = Bench::new();
    let id = bench.handle.attendances()[0].id;
    bench.handle.change_attendance(id, &json!({"status": "pending"})).unwrap();
    let total = |query: &str| {
        let url = format!("/v1/company/attendances?start_date=2025-01-01&end_date=2027-01-01{query}");
        bench.ok(&url)["metadata"]["total_elements"].as_u64().unwrap()
    };
    assert_eq!((total(""), total("&includePending=true")), (479, 480));
}

#[test]
fn balances_count_what_was_taken_this_year() {
    let bench = Bench::new();
    let id = all_ids(&bench)[1];
    let vacation = |bench: &Bench| bench.ok(&format!("/v1/company/employees/{id}/absences/balance"))["data"][0].clone();
    let before = vacation(&bench);
    let monday: NaiveDate = start().date_naive();
    bench.handle.add_absence(&json!({"employee_id": id, "type": "Paid vacation", "start_date": monday})).unwrap();
    let after = vacation(&bench);
    let balance = |row: &Value| (row["balance"].as_f64().unwrap() * 2.0).to_string().parse::<i64>().unwrap();
    assert_eq!(balance(&before) - balance(&after), 2, "in half days");
    assert_eq!(bench.get("/v1/company/employees/1/absences/balance").status, 404);
}

#[test]
fn pictures_are_pngs_for_those_who_have_one_and_come_without_a_token() {
    let bench = Bench::new();
    let of =
        |has: bool| bench.handle.people().iter().find(|p| p["has_picture"] == has).unwrap()["id"].as_u64().unwrap();
    let picture = bench.get(&format!("/v1/company/employees/{}/profile-picture/75", of(true)));
    assert_eq!((picture.status, picture.content_type), (200, "image/png"));
    assert!(picture.body.starts_with(b"\x89PNG") && header(&picture, "authorization").is_none());
    let missing = bench.get(&format!("/v1/company/employees/{}/profile-picture", of(false)));
    assert_eq!((missing.status, &body(&missing)["error"]["message"]), (404, &json!("Etwas ist schiefgelaufen ...")));
}

#[test]
fn wrong_credentials_and_bad_tokens_have_the_vendors_bodies() {
    let mut bench = Bench::new();
    let wrong = bench.post("/v1/auth", &json!({"client_id": "a", "client_secret": "b"}));
    assert_eq!(wrong.status, 403);
    assert_eq!(body(&wrong), json!({"success": false, "error": {"code": 0, "message": "Wrong credentials"}}));
    bench.token = "papi-made-up".into();
    let invalid = bench.get("/v1/company/employees");
    assert_eq!(
        (invalid.status, &body(&invalid)["error"]["message"]),
        (403, &json!("Provided authorization is not valid"))
    );
    bench.token.clear();
    let missing = bench.get("/v1/company/employees");
    assert_eq!((missing.status, &body(&missing)["error"]["message"]), (401, &json!("Authorization is not provided")));
}

#[test]
fn the_guide_answers_bad_tokens_with_401() {
    let mut bench = guide();
    assert!(bench.token.starts_with("eyJ"));
    assert_eq!(body(&bench.login())["data"].as_object().unwrap().len(), 1);
    bench.token = "eyJ.made.up".into();
    assert_eq!(bench.get("/v1/company/employees").status, 401);
}

#[test]
fn credentials_come_in_json_or_a_form_but_not_in_the_query() {
    use secrecy::ExposeSecret as _;
    let bench = Bench::new();
    let config = Config::new(60, 3);
    let form = format!("client_id={}&client_secret={}", config.client_id(), config.client_secret().expose_secret());
    let mut request = crate::request::Request::new("POST", "/v1/auth");
    request.body = form.clone().into();
    assert_eq!(bench.handle.answer(&request).status, 200);
    let target = format!("/v1/auth?{form}");
    assert_eq!(bench.post(&target, &Value::Null).status, 403);
    bench.handle.change_switches(&json!({"refuse_query_credentials": false})).unwrap();
    assert_eq!(bench.post(&target, &Value::Null).status, 200);
}

#[test]
fn a_stable_token_lives_a_day_and_is_echoed() {
    let mut bench = Bench::new();
    assert!(bench.token.starts_with("papi-"));
    bench.advance_s(3_600);
    let again = body(&bench.login());
    assert_eq!((&again["data"]["token"], &again["data"]["expires_in"]), (&json!(bench.token), &json!(82_800)));
    let answer = bench.get("/v1/company/employees?limit=1");
    assert_eq!(header(&answer, "authorization"), Some(format!("Bearer {}", bench.token).as_str()));
    let silent = bench.post("/v1/company/attendances", &json!({}));
    assert_eq!(header(&silent, "authorization"), None);
    bench.advance_s(82_800);
    assert_eq!(bench.get("/v1/company/employees").status, 403);
    let old = bench.token.clone();
    bench.log_in();
    assert_ne!(old, bench.token);
    bench.handle.expire_tokens();
    assert_eq!(bench.get("/v1/company/employees").status, 403);
}

#[test]
fn a_rotating_token_is_good_for_one_answer() {
    let mut bench = Bench::new();
    bench.handle.change_switches(&json!({"token_mode": "rotating"})).unwrap();
    bench.log_in();
    let answer = bench.get("/v1/company/employees?limit=1");
    let next = header(&answer, "authorization").unwrap().strip_prefix("Bearer ").unwrap().to_owned();
    let reused = bench.get("/v1/company/employees?limit=1");
    assert_eq!((reused.status, &body(&reused)["error"]["message"]), (401, &json!("The token has been blacklisted")));
    bench.token = next;
    assert_eq!(bench.get("/v1/company/employees?limit=1").status, 200);
}

#[test]
fn credentials_see_what_each_may_read() {
    let bench = Bench::of(|config| {
        let credential = |id: &str, whitelist: Option<&str>| CredentialConfig {
            client_id: id.into(),
            client_secret: "s".into(),
            whitelist: whitelist.map(|key| vec![key.to_owned()]),
            forbid_discovery: false,
        };
        Config {
            credentials: vec![credential("a", None), credential("b", Some("email"))],
            ..config.without_rate_limit()
        }
    });
    assert!(bench.ok("/v1/company/employees?limit=1")["data"][0]["attributes"].get("fix_salary").is_some());
    let login = bench.post("/v1/auth", &json!({"client_id": "b", "client_secret": "s"}));
    let mut other = bench;
    other.token = body(&login)["data"]["token"].as_str().unwrap().to_owned();
    assert!(other.ok("/v1/company/employees?limit=1")["data"][0]["attributes"].get("fix_salary").is_none());
}

#[test]
fn too_many_requests_are_429_and_stand_in_the_ledger() {
    let bench =
        Bench::of(|config| Config { rate_limit: RateLimit::On(Limits { limit: 3, ..Limits::default() }), ..config });
    let statuses: Vec<u16> = (0..5).map(|_| bench.get("/v1/company/time-off-types").status).collect();
    assert_eq!(statuses, [200, 200, 200, 429, 429]);
    let refused = bench.get("/v1/company/time-off-types");
    assert_eq!(body(&refused)["error"]["message"], "Too many attempts");
    assert!(refused.headers.is_empty());
    let ledger = bench.handle.ledger(10);
    assert_eq!((ledger.total, ledger.too_many, ledger.count("/v1/company/time-off-types")), (7, 3, 6));
    assert_eq!(ledger.recent.last().unwrap().status, 429);
    bench.advance_s(60);
    assert_eq!(bench.get("/v1/company/time-off-types").status, 200);
}

#[test]
fn the_guide_tells_its_limit_on_every_answer() {
    let bench = Bench::of(|config| config.with_dialect(Dialect::Guide));
    let answer = bench.get("/v1/company/employees");
    assert_eq!(
        (header(&answer, "x-ratelimit-limit"), header(&answer, "x-ratelimit-remaining")),
        (Some("200"), Some("199"))
    );
    assert!(header(&answer, "x-ratelimit-reset").is_some());
}

#[test]
fn unknown_paths_and_methods_are_json_errors() {
    let bench = Bench::new();
    for path in ["/v1/company/unheard-of", "/v3/persons", "/v1/company/employees/abc"] {
        let answer = bench.get(path);
        assert_eq!((answer.status, &body(&answer)["success"]), (404, &json!(false)), "{path}");
    }
    assert_eq!(bench.send("DELETE", "/v1/company/employees", &Value::Null).status, 405);
    assert_eq!(bench.handle.ledger(0).count("(unknown)"), 3);
}

#[test]
fn errors_may_come_with_status_200_and_in_english() {
    let bench = Bench::new();
    bench.handle.change_switches(&json!({"errors_with_200": true, "error_language": "english"})).unwrap();
    let answer = bench.get("/v1/company/employees/1");
    assert_eq!((answer.status, &body(&answer)["success"]), (200, &json!(false)));
    assert_eq!(body(&answer)["error"]["message"], "Something went wrong ");
}
