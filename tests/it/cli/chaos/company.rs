//! A tenant whose company is edited while its sync runs again and again, and what must hold of it in the end.

use std::{collections::HashMap, time::Duration};

use gangway_sandbox::{Config, Sandbox};
use gangway_testkit::eventually_some_within;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use reqwest::Method;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{
    super::trouble::stage::{Onboarded, onboard_as},
    fleet::Fleet,
};

const PEOPLE: usize = 30;
/// A run whose workers are killed one after the other, on a machine that starts them all the time.
const PATIENCE: Duration = Duration::from_mins(5);

/// The tenant, and the company at the vendor.
pub(super) struct Company {
    pub(super) sandbox: Sandbox,
    name: String,
    random: StdRng,
    n_names: u32,
    /// Nobody is removed before a full run has ended since: more than three at once would wait for a human.
    may_remove: bool,
    tenant: Option<Onboarded>,
    /// Everybody's last name after the first load, by record.
    at_first: HashMap<String, String>,
}

impl Company {
    pub(super) fn new(seed: u64) -> Self {
        let sandbox = Sandbox::bind(Config::new(PEOPLE, seed)).unwrap();
        Self {
            sandbox,
            name: format!("Company {seed}"),
            random: StdRng::seed_from_u64(seed),
            n_names: 0,
            may_remove: true,
            tenant: None,
            at_first: HashMap::new(),
        }
    }

    fn tenant(&self) -> &Onboarded {
        self.tenant.as_ref().expect("it was onboarded")
    }

    /// The first load, before anybody is killed.
    pub(super) async fn settle_in(&mut self, fleet: &Fleet, operator: &str) {
        self.tenant = Some(onboard_as(&self.name, fleet.client(), operator, &self.sandbox).await);
        assert_eq!(self.run(fleet, "full").await["state"], "completed");
        self.at_first = self.shown(fleet).await.into_iter().map(|(id, (_, name))| (id, name)).collect();
    }

    /// Edits and syncs until told to stop.
    pub(super) async fn live(&mut self, fleet: &Fleet, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            for _ in 0..self.random.random_range(1..4) {
                self.edit();
            }
            let mode = if self.random.random_bool(0.5) { "full" } else { "incremental" };
            let run = self.run(fleet, mode).await;
            self.may_remove |= mode == "full" && run["state"] == "completed";
        }
    }

    fn edit(&mut self) {
        let handle = self.sandbox.handle();
        let people = handle.people();
        let somebody = people[self.random.random_range(0..people.len())]["id"].as_u64().unwrap();
        self.n_names += 1;
        let name = format!("Name {}", self.n_names);
        match self.random.random_range(0..10) {
            0 if self.may_remove => {
                self.may_remove = false;
                handle.remove_person(somebody).unwrap();
            }
            1 => {
                let email = format!("new-{}@acme.example", self.n_names);
                handle.add_person(&json!({"first_name": "New", "last_name": name, "email": email})).unwrap();
            }
            _ => handle.change_person(somebody, &json!({"last_name": name})).unwrap(),
        }
    }

    /// Orders a run and waits for its end.
    async fn run(&self, fleet: &Fleet, mode: &str) -> Value {
        let Onboarded { key, sync, .. } = self.tenant();
        let path = format!("/v1/syncs/{sync}/runs");
        // Ordered twice when the answer was lost; then one of them is under way already.
        let ordered = fleet.ask(&Method::POST, key, &path, Some(&json!({"mode": mode}))).await;
        assert!(matches!(ordered.status, 201 | 202 | 409), "{} {}", ordered.status, ordered.body);
        let ends = eventually_some_within(PATIENCE * 2, "the run to end", async || {
            let runs = fleet.ask(&Method::GET, key, &format!("{path}?limit=1"), None).await.expect(200);
            let run = runs["data"][0].clone();
            (run["state"] != "running").then_some(run)
        });
        if let Ok(run) = tokio::time::timeout(PATIENCE, ends).await {
            return run;
        }
        panic!("a run of {} does not end; jobs under way:\n{}", self.name, fleet.jobs().await)
    }

    /// Who is shown: the vendor's id and the last name, by record.
    async fn shown(&self, fleet: &Fleet) -> HashMap<String, (String, String)> {
        let people = fleet.client().list(&self.tenant().key, "/v1/employees").await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let person = |person: &Value| {
            (text(&person["id"]), (text(&person["origin"]["external_id"]), text(&person["last_name"])))
        };
        people.iter().map(person).collect()
    }

    /// Nobody is killed any more: what is shown is what the vendor has, and what was told leads there step by step.
    pub(super) async fn conclude(&self, fleet: &Fleet) {
        let run = self.run(fleet, "full").await;
        assert_eq!(run["state"], "completed", "{run}");
        let shown = self.shown(fleet).await;
        let mut ours: Vec<_> = shown.values().cloned().collect();
        let person = |person: &Value| (person["id"].to_string(), person["last_name"].as_str().unwrap().to_owned());
        let mut theirs: Vec<_> = self.sandbox.handle().people().iter().map(person).collect();
        ours.sort();
        theirs.sort();
        assert_eq!(ours, theirs);

        let mut told = self.at_first.clone();
        for event in fleet.client().list(&self.tenant().key, "/v1/events").await {
            let id = event["subject"].as_str().unwrap_or_default();
            let name = &event["data"]["changes"]["last_name"];
            match event["type"].as_str().unwrap() {
                "employee.created" => {
                    let before = told.insert(id.to_owned(), name["new"].as_str().unwrap().to_owned());
                    assert_eq!(before, None, "told to be new once: {event}");
                }
                "employee.updated" if name.is_object() => {
                    let known = told.get_mut(id).unwrap_or_else(|| panic!("nobody knows of {event}"));
                    assert_eq!(Some(known.as_str()), name["old"].as_str(), "each change is told once: {event}");
                    name["new"].as_str().unwrap().clone_into(known);
                }
                "employee.deleted" => {
                    assert!(told.remove(id).is_some(), "told to be gone once: {event}");
                }
                _ => {}
            }
        }
        let names: HashMap<String, String> = shown.into_iter().map(|(id, (_, name))| (id, name)).collect();
        assert_eq!(told, names);
        let report = self.sandbox.handle().ledger(0);
        assert_eq!(report.too_many, 0, "of {} requests", report.total);
    }
}
