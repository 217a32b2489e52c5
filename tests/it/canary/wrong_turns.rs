//! Requests that fail with a secret inside, and vendors that answer with what they were told.

use gangway_sandbox::Fault;
use reqwest::Method;
use serde_json::{Value, json};

use super::stage::{Connected, Stage, credential};

impl<Settle: AsyncFn()> Stage<'_, Settle> {
    /// Goes wrong in every way, and answers what was said to it.
    pub(super) async fn wrong_turns(&self, connected: &Connected) -> Vec<u8> {
        let mut answers = self.refused_bodies(&connected.key).await;
        answers.extend(self.misplaced(&connected.key).await);
        answers.extend(self.vendor_repeats(connected).await);
        answers.extend(self.refused_by_the_vendor(connected).await);
        answers
    }

    async fn refused_bodies(&self, key: &str) -> Vec<u8> {
        let refused = self.canaries.refused.as_str();
        let complete = credential(refused);
        let mut answers = Vec::new();
        for body in [
            json!({"connector": "personio", "name": "x", "config": {"base_url": "https://elsewhere.example"}, "credential": complete}),
            self.connection("x", &json!({"client_id": "canary-client", "client_sekret": refused})),
            self.connection("x", &json!({"client_id": "canary-client", "client_secret": [refused]})),
            self.connection("x", &refused.into()),
            json!({"connector": "nobody", "name": "x", "config": {}, "credential": complete}),
            json!({"connector": "personio", "credential": complete, "unknown": refused}),
        ] {
            let answer = self.client.post(key, "/v1/connections", &body).await;
            assert!((400..500).contains(&answer.status), "{}", answer.body);
            answers.extend(answer.bytes);
        }
        let text = format!("{{\"credential\": \"{}\", broken", refused.replace('"', "\\\""));
        let request = self.client.request(Method::POST, key, "/v1/connections");
        let answer = self.client.send(request.header("content-type", "application/json").body(text)).await;
        assert_eq!(answer.status, 400, "{}", answer.body);
        answers.extend(answer.bytes);
        answers
    }

    /// In the query, in the path and as a key: places that clients put secrets into by mistake.
    async fn misplaced(&self, key: &str) -> Vec<u8> {
        let refused = self.canaries.refused.as_str();
        let mut answers = Vec::new();
        let filter = self.canaries.filter.as_str();
        for (path, name, value) in [
            ("/v1/employees", "email", filter),
            ("/v1/employees", "after", refused),
            ("/v1/employees", "key", refused),
            ("/v1/events", "after", refused),
            ("/v1/jobs", "state", refused),
        ] {
            let mut url = reqwest::Url::parse(self.client.base()).unwrap();
            url.set_path(path);
            url.query_pairs_mut().append_pair(name, value);
            answers.extend(self.get(key, &url).await);
        }
        for place in ["employees", "connections", "sync-runs"] {
            let mut url = reqwest::Url::parse(self.client.base()).unwrap();
            url.path_segments_mut().unwrap().extend(["v1", place, refused]);
            answers.extend(self.get(key, &url).await);
        }
        let mistyped = format!("{}aaaa", key.get(..key.len() - 4).unwrap());
        for key in ["gwt_canary", &mistyped] {
            let answer = self.client.get(key, "/v1/employees").await;
            assert_eq!(answer.status, 401, "{}", answer.body);
            answers.extend(answer.bytes);
        }
        answers
    }

    async fn get(&self, key: &str, url: &reqwest::Url) -> Vec<u8> {
        let path = url.as_str().strip_prefix(self.client.base()).unwrap();
        let answer = self.client.get(key, path).await;
        assert!(answer.status < 500, "{path}: {}", answer.body);
        answer.bytes
    }

    /// The vendor's own words are not to be trusted: it may repeat what it was sent, or break off in the middle of a record.
    async fn vendor_repeats(&self, connected: &Connected) -> Vec<u8> {
        let vendor = self.sandbox.handle();
        let (secret, salary) = (&self.canaries.secret, &self.canaries.salary);
        let message = format!("{secret} may not see {salary}");
        let refusal = json!({"success": false, "error": {"code": 400, "message": message}}).to_string();
        let broken = json!({"success": true, "data": [{"key": secret, "label": salary}]}).to_string();
        let (broken, _) = broken.split_at(broken.len() - 2);
        let odd = json!({"success": true, "data": message, "error": {"message": salary}}).to_string();
        let mut answers = Vec::new();
        for (status, body) in [(200, broken), (200, &odd), (400, &refusal), (403, &refusal), (404, &message)] {
            vendor.add_fault(Fault::once("/v1/company/employees/attributes", status).with_body(body)).unwrap();
            let answer = self.connection_step(connected, "discover").await;
            // Where nobody may list the attributes, they are taken from the people.
            assert!(answer.status >= 400 || status > 400, "{status} {body}: {}", answer.body);
            answers.extend(answer.bytes);
        }
        let attributes = json!({"success": true, "data": vendor.attributes()}).to_string();
        for (path, status, body) in
            [("/v1/company/employees/attributes", 200, &attributes), ("/v1/company/employees", 400, &refusal)]
        {
            vendor.add_fault(Fault::once(path, status).with_body(body)).unwrap();
        }
        let run = self.sync(connected, "employees", "incremental").await;
        assert_eq!(run["state"], "failed", "{run}");
        answers.extend(run.to_string().into_bytes());
        answers
    }

    /// A wrong secret, an answer that repeats the right one, and a token that is worth nothing.
    async fn refused_by_the_vendor(&self, connected: &Connected) -> Vec<u8> {
        let (vendor, canaries) = (self.sandbox.handle(), self.canaries);
        let path = format!("/v1/connections/{}/credential", connected.id);
        let repeated = json!({"success": false, "error": {"message": canaries.secret}}).to_string();
        let token =
            json!({"success": true, "data": {"token": canaries.token, "expires_in": 86_400, "scope": "x"}}).to_string();
        let mut answers = Vec::new();
        for (secret, answer) in [
            (&canaries.refused, None),
            (&canaries.secret, Some((400, repeated))),
            (&canaries.secret, Some((200, token))),
        ] {
            if let Some((status, body)) = answer {
                vendor.add_fault(Fault::once("/v1/auth", status).with_body(body)).unwrap();
            }
            let stored = self.client.put(&connected.key, &path, &credential(secret)).await;
            answers.extend(stored.bytes);
            let checked = self.connection_step(connected, "check").await;
            let is_refused = checked.status >= 400 || checked.body.to_string().contains("fail");
            assert!(is_refused, "{}", checked.body);
            answers.extend(checked.bytes);
            answers.extend(self.client.get(&connected.key, &format!("/v1/connections/{}", connected.id)).await.bytes);
        }
        answers
    }

    async fn connection_step(&self, connected: &Connected, step: &str) -> gangway_testkit::Answer {
        let path = format!("/v1/connections/{}/{step}", connected.id);
        self.client.post(&connected.key, &path, &Value::Object(serde_json::Map::new())).await
    }
}
