//! Readings passed through to the vendor: who may, what may be asked, what comes back, and what is written down.

use gangway_domain::principal::Scope;
use gangway_sandbox::{Effect, Fault};
use gangway_testkit::{Answer, Onboarded, TestApp, on_both_databases};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::support::{code, pointers, text};

const SCOPES: [Scope; 3] = [Scope::ProxyRead, Scope::SensitiveRead, Scope::AuditRead];

struct Stage {
    app: TestApp,
    tenant: Onboarded,
    key: String,
}

impl Stage {
    async fn on(db: gangway_testkit::TestDb) -> Self {
        let app = TestApp::on(db).start().await;
        let tenant = app.onboard("Acme").await;
        let key = app.tenant_key(&tenant.tenant, &SCOPES).await;
        Self { app, tenant, key }
    }

    async fn pass(&self, key: &str, path: &str) -> Answer {
        let query: String = url::form_urlencoded::byte_serialize(path.as_bytes()).collect();
        self.app.client.get(key, &format!("/v1/connections/{}/proxy?path={query}", self.tenant.connection)).await
    }

    fn answer(&self, body: impl Into<String>, status: u16, headers: &[(&str, &str)]) {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let effect = Effect::Answer { status, body: body.into(), headers };
        self.app.sandbox.handle().add_fault(Fault::always("/v1/company/document-categories", effect)).unwrap();
    }
}

on_both_databases! {
    async fn what_the_vendor_says_comes_back_and_is_written_down(db: TestDb) {
        let stage = Stage::on(db).await;
        let answer = stage.pass(&stage.key, "/v1/company/employees?limit=3&offset=0").await;
        let (header, view) = (answer.header("authorization").map(str::to_owned), answer.expect(200));
        assert_eq!((&view["status"], &view["content_type"], &view["encoding"]), (&json!(200), &json!("application/json"), &json!("utf8")));
        assert_eq!(header, None);
        let vendors: Value = serde_json::from_str(view["body"].as_str().unwrap()).unwrap();
        assert_eq!(vendors["data"].as_array().unwrap().len(), 3);
        let missing = stage.pass(&stage.key, "/v1/company/employees/999999999").await.expect(200);
        assert_eq!(missing["status"], 404, "the vendor's refusal is an answer");

        let log = stage.app.client.list(&stage.key, "/v1/audit-log?action=connection.proxy").await;
        let paths: Vec<&Value> = log.iter().map(|entry| &entry["detail"]["path"]).collect();
        assert_eq!(paths, [&json!("/v1/company/employees"), &json!("/v1/company/employees/999999999")]);
        assert!(log.iter().all(|entry| entry["object"] == json!(stage.tenant.connection)));
        stage.app.stop().await;
    }

    async fn readings_of_version_2_have_a_token_of_their_own_and_ask_for_betas(db: TestDb) {
        let stage = Stage::on(db).await;
        let read = async |path: &str| {
            let view = stage.pass(&stage.key, path).await.expect(200);
            let body: Value = serde_json::from_str(view["body"].as_str().unwrap()).unwrap_or_default();
            (view["status"].clone(), body)
        };
        let people = stage.app.sandbox.handle().people();
        let somebody = people.iter().map(|person| person["id"].as_u64().unwrap()).find(|id| id % 5 > 1).unwrap();
        let (status, documents) = read(&format!("/v2/document-management/documents?owner_id={somebody}&limit=1")).await;
        assert_eq!((status, documents["_data"].as_array().unwrap().len()), (json!(200), 1), "{documents}");
        let next = documents["_meta"]["links"]["next"]["href"].as_str().unwrap().split('?').nth(1).unwrap();
        let (status, more) = read(&format!("/v2/document-management/documents?{next}")).await;
        assert_eq!((status, more["_data"][0] != documents["_data"][0]), (json!(200), true), "{more}");
        for path in ["/v2/org-units?type=team", "/v2/cost-centers", "/v2/workplaces", "/v2/legal-entities", "/v2/absence-types"] {
            let (status, list) = read(path).await;
            assert_eq!((status, list["_data"].as_array().unwrap().is_empty()), (json!(200), false), "{path}");
        }
        let employments = read(&format!("/v2/persons/{somebody}/employments")).await.1;
        let id = employments["_data"][0]["id"].as_str().unwrap();
        assert_eq!(read(&format!("/v2/persons/{somebody}/employments/{id}")).await.1["id"], id);
        let logins = stage.app.sandbox.handle().ledger(0).count("/v2/auth/token");
        assert_eq!(logins, 1);
        let refused = stage.pass(&stage.key, "/v2/webhooks").await;
        assert_eq!(code(&refused), "request.invalid", "tokens of webhooks are not passed through");
        stage.app.stop().await;
    }

    async fn readings_leave_half_of_the_budget_to_the_rest(db: TestDb) {
        let credential = Some(gangway_connector::WindowLimit::new(40, 60));
        let limits = gangway_app::config::VendorLimits { credential, ..Default::default() };
        let limits = [("personio".to_owned(), limits)].into();
        let config = gangway_app::Config { budget_wait_seconds: 0, limits, ..gangway_app::Config::default() };
        let app = TestApp::on(db).config(config).start().await;
        let tenant = app.onboard("Acme").await;
        let key = app.tenant_key(&tenant.tenant, &SCOPES).await;
        let stage = Stage { app, tenant, key };
        let path = "/v1/company/employees/attributes";
        for n in 1..=20 {
            let answer = stage.pass(&stage.key, path).await;
            assert_eq!(answer.status, 200, "{n}: {}", answer.body);
        }
        let refused = stage.pass(&stage.key, path).await;
        assert_eq!((refused.status, code(&refused).as_str()), (503, "connection.vendor-limited"));
        assert!(refused.header("retry-after").is_some() && text(&refused.body, "detail").contains("20 in 60 s"), "{}", refused.body);
        let log = stage.app.client.list(&stage.key, "/v1/audit-log?action=connection.proxy").await;
        assert_eq!(log.len(), 20, "what was refused at once is not noted");
        let checked = stage.app.client.post(&stage.tenant.key, &format!("/v1/connections/{}/check", stage.tenant.connection), &json!({})).await;
        assert_eq!(checked.expect(200)["ok"], true, "the rest is there");
        stage.app.stop().await;
    }

    async fn a_key_needs_both_scopes_and_has_neither_unasked(db: TestDb) {
        let stage = Stage::on(db).await;
        let path = "/v1/company/employees/attributes";
        for (scopes, missing) in [(&[Scope::ProxyRead][..], "sensitive:read"), (&[Scope::SensitiveRead], "proxy:read"), (&[], "proxy:read")] {
            let key = stage.app.tenant_key(&stage.tenant.tenant, scopes).await;
            let answer = stage.pass(&key, path).await;
            assert_eq!((answer.status, code(&answer).as_str()), (403, "key.forbidden"));
            assert!(text(&answer.body, "detail").contains(&format!("`{missing}`")), "{}", answer.body);
        }
        let n_before = stage.app.sandbox.handle().request_count();
        let wanted = json!({"name": "mine", "scopes": ["proxy:read"]});
        let refused = stage.app.client.post(&stage.tenant.key, "/v1/keys", &wanted).await;
        assert!(matches!(refused.status, 403 | 422), "a key passes on only what it has: {}", refused.body);
        assert_eq!(stage.app.sandbox.handle().request_count(), n_before);
        stage.app.stop().await;
    }

    async fn only_what_the_connector_names_is_asked_for(db: TestDb) {
        let stage = Stage::on(db).await;
        let connector = stage.app.client.get(&stage.tenant.key, "/v1/connectors/personio").await.expect(200);
        let templates: Vec<&str> = connector["proxy"].as_array().unwrap().iter().map(|path| path["template"].as_str().unwrap()).collect();
        assert!(templates.contains(&"/v1/company/employees/{id}"), "{templates:?}");
        let n_before = stage.app.sandbox.handle().request_count();
        for path in [
            "/v1/auth",
            "/v1/company/employees/../../auth",
            "/v1/company/employees/%2e%2e/%2e%2e/auth",
            "//other.example/v1/company/employees",
            "http://169.254.169.254/latest/meta-data",
            "/v1/company/employees/1%2f..%2f2",
            "/v1/company/employees/1\r\nx-evil: 1",
            "/v1/company/employees?client_secret=x",
            "/_sandbox/people",
            "",
        ] {
            assert_eq!(pointers(&stage.pass(&stage.key, path).await), ["path"], "{path:?}");
        }
        let bare = format!("/v1/connections/{}/proxy", stage.tenant.connection);
        assert_eq!(pointers(&stage.app.client.get(&stage.key, &bare).await), ["path"]);
        assert_eq!(stage.app.sandbox.handle().request_count(), n_before, "nothing was sent");
        stage.app.stop().await;
    }

    async fn nothing_of_the_vendors_answer_but_status_type_and_body_is_given_on(db: TestDb) {
        let stage = Stage::on(db).await;
        stage.answer("<script>alert(1)</script>", 503, &[("set-cookie", "a=b"), ("authorization", "Bearer x"), ("location", "https://evil.example")]);
        let answer = stage.pass(&stage.key, "/v1/company/document-categories").await;
        for name in ["set-cookie", "authorization", "location"] {
            assert_eq!(answer.header(name), None, "{name}");
        }
        assert_eq!(answer.header("content-type"), Some("application/json"));
        let view = answer.expect(200);
        assert_eq!((&view["status"], &view["body"]), (&json!(503), &json!("<script>alert(1)</script>")));
        stage.app.sandbox.handle().remove_faults();

        // The sandbox's own secret, as a server in front of it would show the request.
        let secret = stage.app.sandbox.client_secret();
        let secret = secret.expose_secret();
        stage.answer(format!("<pre>{secret}</pre>"), 500, &[]);
        let answer = stage.pass(&stage.key, "/v1/company/document-categories").await;
        assert_eq!((answer.status, code(&answer).as_str()), (502, "connection.vendor-protocol"));
        assert!(!String::from_utf8_lossy(&answer.bytes).contains(secret));
        stage.app.stop().await;
    }

    async fn a_body_larger_than_is_passed_through_is_a_problem(db: TestDb) {
        let stage = Stage::on(db).await;
        let effect = Effect::Huge { bytes: 1 << 30, is_declared: false };
        stage.app.sandbox.handle().add_fault(Fault::always("/v1/company/document-categories", effect)).unwrap();
        let answer = stage.pass(&stage.key, "/v1/company/document-categories").await;
        assert_eq!(answer.status, 502, "{}", answer.body);
        code(&answer);
        stage.app.stop().await;
    }
}
