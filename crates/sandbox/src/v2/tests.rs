//! Tokens, rights, limits and the shape of lists and refusals; the resources are tested beside their code.

use serde_json::{Value, json};

use super::testing::{ORIGIN, V2, refusal};
use crate::answer::Answer;
use crate::config::{Config, Dialect, Limits, RateLimit};
use crate::request::Request;
use crate::testing::{Bench, body, header};
use crate::v2::{Bucket, V2Limits};

#[test]
fn a_token_is_given_for_a_form_and_says_what_it_may_do() {
    let v2 = V2::new();
    let answer = body(&v2.log_in(&[("scope", "personio:persons:read+personio:absences:write")]));
    assert!(answer["access_token"].as_str().unwrap().starts_with("papi-"));
    assert_eq!((&answer["expires_in"], &answer["token_type"]), (&json!(86_400), &json!("Bearer")));
    assert_eq!(answer["scope"], "personio:persons:read personio:absences:write");
    let all = body(&v2.log_in(&[]));
    assert!(all["scope"].as_str().unwrap().contains("personio:webhooks:write"));
}

#[test]
fn a_login_that_is_not_as_it_must_be_is_refused_with_400() {
    let v2 = V2::new();
    v2.switch(&json!({"credentials": [{"scopes": ["personio:persons:read"]}]}));
    let details = |answer: &Answer| {
        assert_eq!((answer.status, answer.content_type), (400, "application/problem+json"));
        let body = body(answer);
        assert!(["timestamp", "trace_id", "error_description"].iter().all(|name| body[*name].is_string()));
        body
    };
    for (changes, error) in [
        ([("client_secret", "wrong")], "invalid_client"),
        ([("client_id", "nobody")], "invalid_client"),
        ([("scope", "personio:persons:write")], "invalid_scope"),
        ([("scope", "unheard:of")], "invalid_scope"),
        ([("grant_type", "password")], "unsupported_grant_type"),
    ] {
        let body = details(&v2.log_in(&changes));
        assert_eq!(body["error"], error);
        assert!(body["error_uri"].as_str().unwrap().ends_with(&format!("#credentials.oauth2.{error}")));
    }
    assert_eq!(details(&v2.log_in(&[("grant_type", "password")]))["meta"]["grant_type"], "password");
    let incomplete = details(&v2.send_form("/v2/auth/token", "client_id=a"));
    assert_eq!(incomplete["meta"]["missing_parameters"], json!(["grant_type", "client_secret"]));
    let mut json = Request::new("POST", "/v2/auth/token");
    json.headers.content_type = Some("application/json".to_owned());
    let as_json = details(&v2.bench.handle.answer(&json));
    assert!(as_json["error"] == "invalid_request" && as_json["type"].is_string() && as_json.get("error_uri").is_none());
}

#[test]
fn tokens_open_their_own_version_for_a_day_until_revoked() {
    let v2 = V2::new();
    assert_eq!(v2.get("/v2/persons").status, 200);
    assert_eq!(v2.get("/v1/company/employees").status, 403);
    assert_eq!(v2.bench.get("/v2/persons").status, 401);
    v2.switch(&json!({"token_reach": "both_versions"}));
    assert_eq!((v2.get("/v1/company/employees").status, v2.bench.get("/v2/persons").status), (200, 200));
    v2.bench.advance_s(24 * 3_600 - 1);
    assert_eq!(v2.get("/v2/persons").status, 200);
    v2.bench.advance_s(1);
    assert_eq!(body(&v2.get("/v2/persons")), json!({"error": {"message": "Unauthorized Request"}}));

    let v2 = V2::new();
    assert_eq!(v2.send_form("/v2/auth/revoke", &format!("token={}", v2.bench.token)).status, 200);
    assert_eq!(v2.bench.get("/v1/company/employees").status, 200, "not version 2's to revoke");
    let revoked = v2.send_form("/v2/auth/revoke", &format!("token={}", v2.token));
    assert_eq!((revoked.status, revoked.body.len()), (200, 0));
    assert_eq!(v2.get("/v2/persons").status, 401);
    let v2 = V2::new();
    v2.switch(&json!({"expire_tokens": true}));
    assert_eq!((v2.get("/v2/persons").status, v2.bench.get("/v1/company/employees").status), (401, 403));
}

#[test]
fn a_missing_right_is_401_for_persons_and_403_elsewhere() {
    let v2 = V2::new();
    v2.switch(&json!({"credentials": [{"scopes": ["personio:absences:read"]}]}));
    let id = &v2.person_ids()[0];
    for path in ["/v2/persons".to_owned(), format!("/v2/persons/{id}"), format!("/v2/persons/{id}/employments")] {
        let answer = v2.get(&path);
        assert_eq!((answer.status, &body(&answer)["error"]["message"]), (401, &json!("Unauthorized Request")));
    }
    for path in ["/v2/attendance-periods", "/v2/legal-entities", "/v2/document-management/documents?owner_id=1"] {
        assert_eq!(refusal(&v2.get(path)).0, 403, "{path}");
    }
    assert_eq!(v2.get("/v2/absence-periods").status, 200);
    assert_eq!(v2.send("POST", "/v2/absence-periods", &json!({})).status, 403);
    v2.bench.handle.set_scopes(&v2.bench.handle.0.config.client_id(), None).unwrap();
    assert_eq!(v2.get("/v2/persons").status, 200, "the token was given for all");
    v2.switch(&json!({"forbid_writes": true}));
    assert_eq!(v2.send("DELETE", &format!("/v2/persons/{id}"), &Value::Null).status, 401);
}

#[test]
fn lists_have_absolute_links_and_a_cursor_that_carries_the_filter() {
    let v2 = V2::new();
    let page = v2.ok("/v2/persons?status=ACTIVE&limit=7");
    let links = &page["_meta"]["links"];
    assert_eq!(links["self"]["href"], format!("{ORIGIN}/v2/persons?status=ACTIVE&limit=7"));
    let next = links["next"]["href"].as_str().unwrap().strip_prefix(ORIGIN).unwrap();
    assert!(next.starts_with("/v2/persons?cursor=") && !next.contains('&'), "{next}");
    let second = v2.ok(next);
    assert_eq!(second["_data"].as_array().unwrap().len(), 7);
    assert_eq!(v2.ok(&format!("{next}&status=INACTIVE"))["_data"], second["_data"], "the cursor's filter holds");
    let active = v2.all("/v2/persons?status=ACTIVE&limit=7");
    assert_eq!(active.len() + v2.all("/v2/persons?status=INACTIVE").len(), 60);
    assert!(v2.ok("/v2/persons?status=INACTIVE&limit=50")["_meta"]["links"].get("next").is_none());
    let cursor = next.split_once('=').unwrap().1;
    for bad in ["/v2/persons?cursor=x".to_owned(), format!("/v2/absence-periods?cursor={cursor}")] {
        assert_eq!(v2.get(&bad).status, 400, "{bad}");
    }
}

#[test]
fn a_page_goes_on_where_the_last_one_ended_whoever_left() {
    let v2 = V2::new();
    let ids = v2.person_ids();
    let next = v2.ok("/v2/persons")["_meta"]["links"]["next"]["href"].as_str().unwrap().replace(ORIGIN, "");
    for id in &ids[8..12] {
        assert_eq!(v2.send("DELETE", &format!("/v2/persons/{id}"), &Value::Null).status, 204);
    }
    assert_eq!(v2.ok(&next)["_data"][0]["id"], ids[12].as_str());
}

#[test]
fn what_is_not_there_is_told_as_a_problem() {
    let v2 = V2::new();
    let id = "00000000-0000-4000-8000-000000000000";
    for path in ["persons/1", "persons/x", "persons/1/employments", "absence-types/1", "nothing", "reports"] {
        assert_eq!(refusal(&v2.get(&format!("/v2/{path}"))).0, 404, "{path}");
    }
    for path in ["absence-periods", "attendance-periods", "absence-types"] {
        assert_eq!(refusal(&v2.get(&format!("/v2/{path}/{id}"))).0, 404, "{path}");
    }
    assert_eq!(v2.get(&format!("/v2/absence-periods/{id}/breakdowns")).status, 404);
    assert_eq!(refusal(&v2.send("PUT", "/v2/persons", &json!({}))).0, 405);
    let guide = Bench::of(|config| config.with_dialect(Dialect::Guide).without_rate_limit());
    assert_eq!(guide.get("/v2/persons").status, 404);
}

#[test]
fn each_path_has_its_bucket_and_says_so_in_every_answer() {
    let persons = Bucket { per_s: 30, burst: 2 };
    let limits = Limits { v2: V2Limits { persons, ..V2Limits::default() }, ..Limits::default() };
    let v2 = V2::of(|config| Config { rate_limit: RateLimit::On(limits), ..config });
    let tell = |answer: &Answer| {
        let value = |name| header(answer, name).unwrap_or_default().to_owned();
        (answer.status, value("x-ratelimit-burst-capacity"), value("x-ratelimit-remaining"))
    };
    assert_eq!(tell(&v2.get("/v2/persons")), (200, "2".to_owned(), "1".to_owned()));
    assert_eq!(tell(&v2.get("/v2/persons?limit=100")), (400, "2".to_owned(), "0".to_owned()));
    assert_eq!(tell(&v2.get("/v2/persons")), (429, "2".to_owned(), "0".to_owned()));
    assert_eq!(tell(&v2.get("/v2/persons/1")), (404, "2".to_owned(), "1".to_owned()));
    assert_eq!(tell(&v2.get("/v2/absence-periods")), (200, "10".to_owned(), "9".to_owned()));
    v2.bench.advance_s(1);
    assert_eq!(v2.get("/v2/persons").status, 200);
    let statuses: Vec<u16> = (0..151).map(|_| v2.log_in(&[]).status).collect();
    assert_eq!((statuses[148], statuses[149]), (200, 429), "one login was before");
}

#[test]
fn either_version_can_end() {
    let v2 = V2::new();
    v2.switch(&json!({"v2_unavailable": true}));
    assert_eq!((v2.get("/v2/persons").status, v2.log_in(&[]).status), (404, 404));
    v2.switch(&json!({"v2_unavailable": false, "v1_attendances_gone": true}));
    assert_eq!(v2.get("/v2/attendance-periods").status, 200);
    assert_eq!(v2.bench.get("/v1/company/attendances?start_date=2026-01-01&end_date=2026-12-31").status, 404);
    assert_eq!(v2.bench.get("/v1/company/time-offs").status, 200);
    v2.switch(&json!({"v1_gone": true}));
    assert_eq!(
        (v2.bench.get("/v1/company/time-offs").status, v2.bench.get("/v1/company/employees").status),
        (404, 404)
    );
    assert_eq!(v2.get("/v2/absence-periods").status, 200);
    assert_eq!(v2.bench.login().status, 200, "lists end before the login");
    v2.switch(&json!({"v1_login_gone": true}));
    assert_eq!((v2.bench.login().status, v2.log_in(&[]).status), (404, 200));
}

#[test]
fn faults_hit_version_2_and_the_ledger_counts_it() {
    let v2 = V2::new();
    let id = &v2.person_ids()[0];
    v2.fault(&json!({"path": "/v2/persons/{id}", "method": "DELETE", "effect": {"kind": "cut", "after_percent": 50}}));
    let cut = v2.send("DELETE", &format!("/v2/persons/{id}"), &Value::Null);
    assert!(matches!(cut.delivery, crate::faults::Delivery::Cut { .. }) && !cut.body.is_empty());
    assert_eq!(v2.get(&format!("/v2/persons/{id}")).status, 404, "it was carried out");
    v2.fault(&json!({"path": "/v2/**", "times": 1, "effect": {"kind": "answer", "status": 502}}));
    assert_eq!((v2.get("/v2/persons").status, v2.get("/v2/persons").status), (502, 200));
    v2.fault(&json!({"path": "/v2/persons", "effect": {"kind": "forbidden"}}));
    assert_eq!(refusal(&v2.get("/v2/persons")).0, 403);
    v2.fault(&json!({"path": "/v2/auth/token", "effect": {"kind": "wrong_credential"}}));
    assert_eq!(body(&v2.log_in(&[]))["error"], "invalid_client");
    v2.fault(&json!({"path": "/v2/persons", "effect": {"kind": "empty"}}));
    let empty = v2.ok("/v2/persons");
    assert!(empty["_data"] == json!([]) && empty["_meta"]["links"].get("next").is_none());
    let ledger = v2.bench.handle.ledger(0);
    assert_eq!((ledger.count("/v2/persons"), ledger.count("/v2/persons/{id}")), (4, 2));
}

#[test]
fn the_next_page_can_be_a_circle_or_elsewhere() {
    let v2 = V2::new();
    let next = |target: &str| {
        let href = v2.ok(target)["_meta"]["links"]["next"]["href"].clone();
        href.as_str().map(|at| at.replace(ORIGIN, ""))
    };
    v2.fault(&json!({"path": "/v2/persons", "times": null, "effect": {"kind": "next_again"}}));
    let first = next("/v2/persons").unwrap();
    let second = next(&first).unwrap();
    assert_eq!((&second, next(&second)), (&first, Some(first.clone())));
    let elsewhere = json!({"kind": "next_elsewhere", "origin": "https://evil.example:444"});
    v2.fault(&json!({"path": "/v2/absence-periods", "effect": elsewhere}));
    assert!(next("/v2/absence-periods").unwrap().starts_with("https://evil.example:444/v2/absence-periods?cursor="));
}

#[test]
fn what_version_2_has_given_out_and_taken_in_outlives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    let open = || V2::of(|config| Config { state_file: Some(path.clone()), ..config.without_rate_limit() });
    let before = open();
    let client = before.bench.handle.0.config.client_id();
    before.bench.handle.set_scopes(&client, Some(vec!["personio:attendances:write".into()])).unwrap();
    let person = before.person_ids()[0].clone();
    for (kind, start, end) in [("WORK", "08:00", "16:00"), ("BREAK", "10:00", "10:30")] {
        let at = |time: &str| json!({"date_time": format!("2027-03-01T{time}:00")});
        let given = json!({"person": {"id": person}, "type": kind, "start": at(start), "end": at(end)});
        assert_eq!(before.send("POST", "/v2/attendance-periods", &given).status, 201);
    }
    let mut after = open();
    after.token.clone_from(&before.token);
    assert_eq!(after.get("/v2/attendance-periods").status, 403);
    after.bench.handle.set_scopes(&client, None).unwrap();
    let day = after.all("/v2/attendance-periods?attribution_date=2027-03-01");
    assert_eq!(day[1]["start"]["date_time"], "2027-03-01T10:00:00");
    let unknown = after.bench.handle.set_scopes(&client, Some(vec!["persons:read".into()]));
    assert!(unknown.unwrap_err().to_string().contains("persons:read"));
}
