//! The flows that touch a secret or a sensitive value, through the API of a platform that runs anyhow and anywhere.

use gangway_sandbox::{Config, CredentialConfig, Fault, Sandbox};
use gangway_testkit::{Client, eventually_some};
use reqwest::Method;
use serde_json::{Value, json};

use super::values::Canaries;

const CLIENT: &str = "canary-client";

/// Who plays: a platform with its vendor.
pub(super) struct Stage<'a, Settle> {
    pub(super) client: &'a Client,
    pub(super) sandbox: &'a Sandbox,
    pub(super) canaries: &'a Canaries,
    /// Lets the platform do what it has to do now.
    pub(super) settle: Settle,
    /// The operator's key, and every further one that was made.
    pub(super) keys: Vec<String>,
}

/// A tenant's connection.
pub(super) struct Connected {
    /// Without the scope for sensitive values.
    pub(super) key: String,
    /// `con_…`
    pub(super) id: String,
}

/// A vendor that lets in who knows the secret.
pub(super) fn vendor(canaries: &Canaries) -> Config {
    let mut config = Config::new(12, 1).without_rate_limit();
    config.credentials = vec![CredentialConfig {
        client_id: CLIENT.to_owned(),
        client_secret: canaries.secret.clone().into(),
        whitelist: None,
        forbid_discovery: false,
    }];
    config
}

pub(super) fn credential(secret: &str) -> Value {
    json!({"client_id": CLIENT, "client_secret": secret})
}

impl<Settle: AsyncFn()> Stage<'_, Settle> {
    /// All flows. Answers what the API said, but for the keys that it said once.
    pub(super) async fn play(&mut self) -> Vec<u8> {
        let (connected, trusted) = self.onboard().await;
        let person = self.sandbox.handle().people()[2]["id"].as_u64().unwrap();
        let salary: Value = self.canaries.salary.parse::<f64>().unwrap().into();
        let pay = |amount: &Value| self.sandbox.handle().change_person(person, &json!({"fix_salary": amount})).unwrap();
        pay(&salary);

        // Kept out, as long as nobody selects it.
        self.sync(&connected, "employees", "full").await;
        assert!(!self.holds(&trusted, "employees", &self.canaries.salary).await, "not selected, so not stored");

        // Sealed, once somebody does.
        let path = format!("/v1/connections/{}/attributes", connected.id);
        let choice = json!({"attributes": [{"key": "fix_salary", "selected": true}]});
        self.client.patch(&connected.key, &path, &choice).await.expect(200);
        self.eventually_holds(&trusted, "employees", &self.canaries.salary).await;
        assert!(
            !self.holds(&connected.key, "employees", &self.canaries.salary).await,
            "without the scope it is not shown"
        );
        for amount in [&json!(50_000), &salary] {
            pay(amount);
            self.sync(&connected, "employees", "incremental").await;
        }

        self.write_comments(&connected, &trusted).await;
        self.set_aside(&connected, person).await;
        let mut answers = self.repeated(&connected).await;
        answers.extend(self.wrong_turns(&connected).await);
        for path in
            ["/v1/events?after=0", "/v1/jobs", "/v1/keys", "/v1/connections", "/v1/employees", "/v1/absences", &path]
        {
            answers.extend(self.client.get(&connected.key, path).await.bytes);
        }
        answers
    }

    /// A tenant with its connection, and a key that may see sensitive values.
    async fn onboard(&mut self) -> (Connected, String) {
        let operator = self.keys[0].clone();
        let tenant = self.client.post(&operator, "/v1/tenants", &json!({"name": "Acme"})).await.expect(201);
        let tenant = tenant["id"].as_str().unwrap().to_owned();
        let trusted = json!({"name": "trusted", "scopes": ["records:read", "sensitive:read"]});
        for body in [json!({"name": "plain"}), trusted] {
            for is_repetition in [false, true] {
                let request =
                    self.client.request(Method::POST, &operator, "/v1/keys").header("gangway-tenant", &tenant);
                let request = request.header("idempotency-key", body["name"].as_str().unwrap());
                let made = self.client.send(request.json(&body)).await.expect(201);
                match made["key"].as_str() {
                    Some(key) => self.keys.push(key.to_owned()),
                    None => assert!(is_repetition, "{made}"),
                }
            }
        }
        let [_, key, trusted] = self.keys.as_slice() else { panic!("each key is shown once") };
        let (key, trusted) = (key.clone(), trusted.clone());
        let body = self.connection("Personio", &credential(&self.canaries.secret));
        let made = self.client.post(&key, "/v1/connections", &body).await.expect(201);
        let id = made["id"].as_str().unwrap().to_owned();
        for step in ["check", "discover"] {
            self.client.post(&key, &format!("/v1/connections/{id}/{step}"), &json!({})).await.expect(200);
        }
        (Connected { key, id }, trusted)
    }

    pub(super) fn connection(&self, name: &str, credential: &Value) -> Value {
        json!({
            "connector": "personio", "name": name, "config": {"base_url": self.sandbox.base_url()},
            "credential": credential,
        })
    }

    /// Comments are sensitive and always kept.
    async fn write_comments(&self, connected: &Connected, trusted: &str) {
        let vendor = self.sandbox.handle();
        let (absence, attendance) = (vendor.absences()[0].id, vendor.attendances()[0].id);
        let comment = json!({"comment": self.canaries.comment});
        vendor.change_absence(absence, &comment).unwrap();
        vendor.change_attendance(attendance, &comment).unwrap();
        for stream in ["absences", "attendances"] {
            self.sync(connected, stream, "full").await;
            let path = format!("/v1/{stream}");
            let shown = self.client.list(trusted, &path).await;
            assert!(
                shown.iter().any(|record| record["comment"] == self.canaries.comment),
                "the control: it went through"
            );
            let shown = self.client.list(&connected.key, &path).await;
            assert!(shown.iter().all(|record| record["comment"].is_null()), "without the scope it is not shown");
        }
    }

    /// Lets the vendor send an employee who cannot be read, with the salary where it belongs and where it makes a date unreadable.
    async fn set_aside(&self, connected: &Connected, person: u64) {
        let attribute = |value: Value| json!({"label": "x", "value": value, "type": "standard", "universal_id": null});
        let salary: Value = self.canaries.salary.parse::<f64>().unwrap().into();
        let employee = json!({"type": "Employee", "attributes": {
            "id": attribute(person.into()), "fix_salary": attribute(salary),
            "hire_date": attribute(self.canaries.salary.as_str().into()),
        }});
        let page = json!({
            "success": true, "data": [employee],
            "metadata": {"total_elements": 1, "current_page": 0, "total_pages": 1}, "offset": 0, "limit": 100,
        });
        // A run asks for the attributes first, at a path that begins like that of the list.
        let attributes = json!({"success": true, "data": self.sandbox.handle().attributes()});
        for (path, body) in [("/v1/company/employees/attributes", attributes), ("/v1/company/employees", page)] {
            self.sandbox.handle().add_fault(Fault::once(path, 200).with_body(body.to_string())).unwrap();
        }
        let run = self.sync(connected, "employees", "incremental").await;
        assert_eq!((&run["state"], &run["counts"]["quarantined"]), (&json!("completed"), &json!(1)), "{run}");
    }

    /// A creating request with a secret inside that is remembered and answered again, and one with another secret under its key.
    async fn repeated(&self, connected: &Connected) -> Vec<u8> {
        let mut answers = Vec::new();
        let Canaries { secret, refused, .. } = self.canaries;
        for (secret, status, is_repetition) in [(secret, 201, false), (secret, 201, true), (refused, 422, false)] {
            let body = self.connection("again", &credential(secret));
            let request = self.client.request(Method::POST, &connected.key, "/v1/connections");
            let answer = self.client.send(request.header("idempotency-key", "canary").json(&body)).await;
            assert_eq!(answer.status, status, "{}", answer.body);
            assert_eq!(answer.header("idempotency-replayed").is_some(), is_repetition, "{}", answer.body);
            answers.extend(answer.bytes);
        }
        answers
    }

    /// Syncs a stream until its run has ended, and answers the run.
    pub(super) async fn sync(&self, connected: &Connected, stream: &str, mode: &str) -> Value {
        let Connected { key, id } = connected;
        let body = json!({"connection_id": id, "stream": stream, "schedule": null});
        let answer = self.client.post(key, "/v1/syncs", &body).await;
        let sync = if answer.status == 409 { &answer.body["existing"] } else { &answer.body["id"] };
        let sync = sync.as_str().unwrap_or_else(|| panic!("no sync: {}", answer.body));
        let run = self.client.post(key, &format!("/v1/syncs/{sync}/runs"), &json!({"mode": mode})).await;
        let run = run.body["id"].as_str().unwrap_or_else(|| panic!("no run: {}", run.body)).to_owned();
        let path = format!("/v1/sync-runs/{run}");
        let ended = async || {
            (self.settle)().await;
            let run = self.client.get(key, &path).await.expect(200);
            (run["state"] != "running").then_some(run)
        };
        eventually_some("the run to end", ended).await
    }

    async fn eventually_holds(&self, key: &str, stream: &str, value: &str) {
        let holds = async || {
            (self.settle)().await;
            self.holds(key, stream, value).await.then_some(())
        };
        eventually_some("the value to be there", holds).await;
    }

    /// Whether a reader sees a value in a stream.
    async fn holds(&self, key: &str, stream: &str, value: &str) -> bool {
        let records = self.client.list(key, &format!("/v1/{stream}")).await;
        records.iter().any(|record| record.to_string().contains(value))
    }
}
