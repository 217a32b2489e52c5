//! The flows that touch a secret or a sensitive value, and the search after them.

use gangway_domain::principal::Scope;
use gangway_sandbox::{Config, CredentialConfig, Fault};
use gangway_testkit::{LogCapture, Needle, Onboarded, TestApp, on_both_databases};
use reqwest::Method;
use serde_json::{Value, json};

const SECRET: &str = "canary-secret/Zq7#\"ü-81cf";
const REFUSED: &str = "canary-refused/Wk3#\"ö-90de";
const SALARY: &str = "91827364.55";

on_both_databases! {
    async fn a_secret_and_a_salary_leave_no_trace_in_clear(db: TestDb) {
        let logs = LogCapture::install();
        let mut sandbox = Config::new(12, 1).without_rate_limit();
        sandbox.credentials = vec![CredentialConfig {
            client_id: "canary-client".to_owned(),
            client_secret: SECRET.to_owned().into(),
            whitelist: None,
            forbid_discovery: false,
        }];
        let app = TestApp::on(db).sandbox(sandbox).start().await;
        let person = app.sandbox.handle().people()[2]["id"].as_u64().unwrap();
        let salary: Value = SALARY.parse::<f64>().unwrap().into();
        app.sandbox.handle().change_person(person, &json!({"fix_salary": salary})).unwrap();

        // Kept out, as long as nobody selects it.
        let tenant = app.onboard("Acme").await;
        app.sync(&tenant, "employees", "full").await;
        let trusted = app.tenant_key(&tenant.tenant, &[Scope::RecordsRead, Scope::SensitiveRead]).await;
        assert!(!holds(&app, &trusted, SALARY).await, "not selected, so not stored");

        // Sealed, once somebody does.
        let path = format!("/v1/connections/{}/attributes", tenant.connection);
        let choice = json!({"attributes": [{"key": "fix_salary", "selected": true}]});
        app.client.patch(&tenant.key, &path, &choice).await.expect(200);
        app.run_jobs_until_idle().await;
        assert!(holds(&app, &trusted, SALARY).await, "the control: the salary went through");
        assert!(!holds(&app, &tenant.key, SALARY).await, "without the scope it is not shown");
        app.sandbox.handle().change_person(person, &json!({"fix_salary": 50_000})).unwrap();
        app.sync(&tenant, "employees", "incremental").await;
        app.sandbox.handle().change_person(person, &json!({"fix_salary": salary})).unwrap();
        app.sync(&tenant, "employees", "incremental").await;

        set_aside(&app, &tenant, person).await;
        let mut answers = repeated(&app, &tenant.key).await;
        answers.extend(wrong_turns(&app, &tenant.key, &tenant.connection).await);
        let events = app.client.get(&tenant.key, "/v1/events?after=0").await;
        let jobs = app.client.get(&tenant.key, "/v1/jobs").await;
        let attributes = app.client.get(&tenant.key, &path).await;
        let mut places = vec![
            ("answers", answers),
            ("events", events.bytes),
            ("jobs", jobs.bytes),
            ("attributes", attributes.bytes),
            ("rows", app.db.dump().await.into_bytes()),
            ("logs and spans", logs.text().into_bytes()),
        ];
        let files = app.db.files();
        assert!(app.db.is_postgres() || files.iter().any(|file| file.to_string_lossy().ends_with("-wal")), "{files:?}");
        for file in files {
            places.push(("a file", std::fs::read(file).unwrap()));
        }
        for canary in [SECRET, REFUSED, SALARY] {
            let needle = Needle::new(canary);
            for (place, bytes) in &places {
                assert!(!bytes.is_empty(), "{place} was looked at");
                assert_eq!(needle.find_in(bytes), Vec::<&str>::new(), "{canary} in {place}");
            }
        }
        app.stop().await;
    }
}

/// Whether a reader sees a value among the employees.
async fn holds(app: &TestApp, key: &str, value: &str) -> bool {
    let employees = app.client.list(key, "/v1/employees").await;
    employees.iter().any(|employee| employee.to_string().contains(value))
}

/// Lets the vendor send an employee who cannot be read, with the salary where it belongs and where it makes a date unreadable.
async fn set_aside(app: &TestApp, tenant: &Onboarded, person: u64) {
    let sandbox = app.sandbox.handle();
    let attribute = |value: Value| json!({"label": "x", "value": value, "type": "standard", "universal_id": null});
    let salary: Value = SALARY.parse::<f64>().unwrap().into();
    let employee = json!({"type": "Employee", "attributes": {
        "id": attribute(person.into()), "fix_salary": attribute(salary), "hire_date": attribute(SALARY.into()),
    }});
    let page = json!({
        "success": true, "data": [employee],
        "metadata": {"total_elements": 1, "current_page": 0, "total_pages": 1}, "offset": 0, "limit": 100,
    });
    // A run asks for the attributes first, at a path that begins like that of the list.
    let attributes = json!({"success": true, "data": sandbox.attributes()});
    for (path, body) in [("/v1/company/employees/attributes", attributes), ("/v1/company/employees", page)] {
        sandbox.fail_next(Fault::once(path, 200).with_body(body.to_string())).unwrap();
    }
    let run = app.sync(tenant, "employees", "incremental").await;
    assert_eq!((&run["state"], &run["counts"]["quarantined"]), (&json!("completed"), &json!(1)), "{run}");
    assert_eq!(app.db.count("quarantined_record").await, 1, "the control: it is kept");
}

/// A creating request with a secret inside that is remembered and answered again, and one with another secret under its key.
async fn repeated(app: &TestApp, key: &str) -> Vec<u8> {
    let mut answers = Vec::new();
    for (secret, status, is_repetition) in [(SECRET, 201, false), (SECRET, 201, true), (REFUSED, 422, false)] {
        let body = json!({
            "connector": "personio", "name": "again", "config": {"base_url": app.sandbox.base_url()},
            "credential": {"client_id": "canary-client", "client_secret": secret},
        });
        let request = app.client.request(Method::POST, key, "/v1/connections").header("idempotency-key", "canary");
        let answer = app.client.send(request.json(&body)).await;
        assert_eq!(answer.status, status, "{}", answer.body);
        assert_eq!(answer.header("idempotency-replayed").is_some(), is_repetition, "{}", answer.body);
        answers.extend(answer.bytes);
    }
    answers
}

/// Requests that fail with a secret inside, and what is answered to them.
async fn wrong_turns(app: &TestApp, key: &str, connection: &str) -> Vec<u8> {
    let mut answers = Vec::new();
    let client = &app.client;
    let base_url = app.sandbox.base_url();
    let credential = json!({"client_id": "canary-client", "client_secret": REFUSED});
    let misspelt = json!({"client_id": "canary-client", "client_sekret": REFUSED});
    for body in [
        json!({"connector": "personio", "name": "x", "config": {"base_url": "https://elsewhere.example"}, "credential": credential}),
        json!({"connector": "personio", "name": "x", "config": {"base_url": base_url}, "credential": misspelt}),
        json!({"connector": "personio", "name": "x", "config": {"base_url": base_url}, "credential": REFUSED}),
        json!({"connector": "nobody", "name": "x", "config": {}, "credential": credential}),
        json!({"connector": "personio", "credential": credential, "unknown": REFUSED}),
    ] {
        let answer = client.post(key, "/v1/connections", &body).await;
        assert!((400..500).contains(&answer.status), "{}", answer.body);
        answers.extend(answer.bytes);
    }
    let text = format!("{{\"credential\": \"{}\", broken", REFUSED.replace('"', "\\\""));
    let request = client.request(Method::POST, key, "/v1/connections");
    let answer = client.send(request.header("content-type", "application/json").body(text)).await;
    assert_eq!(answer.status, 400, "{}", answer.body);
    answers.extend(answer.bytes);

    // In the query and as a key: both are places that clients put secrets into by mistake.
    let mut url = url_with_query(client.base(), REFUSED);
    url.set_path("/v1/employees");
    let path = url.as_str().trim_start_matches(client.base()).to_owned();
    answers.extend(client.get(key, &path).await.bytes);
    answers.extend(client.get("gwt_canary", "/v1/employees").await.bytes);

    // The vendor refuses this one, and its answer must not be quoted with it.
    let credential_path = format!("/v1/connections/{connection}/credential");
    answers.extend(client.put(key, &credential_path, &credential).await.bytes);
    let checked = client.post(key, &format!("/v1/connections/{connection}/check"), &json!({})).await;
    assert!(checked.body.to_string().contains("fail") || checked.status >= 400, "{}", checked.body);
    answers.extend(checked.bytes);
    answers.extend(client.get(key, &format!("/v1/connections/{connection}")).await.bytes);
    answers
}

fn url_with_query(base: &str, value: &str) -> reqwest::Url {
    let mut url = reqwest::Url::parse(base).unwrap();
    url.query_pairs_mut().append_pair("email", value);
    url
}
