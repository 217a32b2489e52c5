//! `/metrics` as a scraper meets it: what it shows is what the catalogue says, and nobody outside can make it grow.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use gangway_metrics::{Facts, Kind, Values};
use gangway_testkit::{Client, eventually};
use reqwest::Method;
use serde_json::json;

use super::{
    demo::{LAST, demo},
    end_state::{client, line},
    process::{Process, free_port},
};

const FLAGS: &str = "--people 12 --listen 127.0.0.1:0 --sandbox-listen 127.0.0.1:0";

/// A value of a series.
#[derive(Debug)]
struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

/// A scrape, taken apart by the rules of the text format.
#[derive(Debug, Default)]
struct Scrape {
    /// Type and help by family.
    families: BTreeMap<String, (String, String)>,
    samples: Vec<Sample>,
}

impl Scrape {
    async fn of(admin: &Client) -> Self {
        let answer = admin.get("", "/metrics").await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, Some("text/plain; version=0.0.4; charset=utf-8"))
        );
        let text = String::from_utf8(answer.bytes).unwrap();
        assert!(text.ends_with('\n'));
        let mut scrape = Self::default();
        for text in text.lines() {
            if let Some(rest) = text.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').unwrap();
                let is_new = scrape.families.insert(name.to_owned(), (String::new(), help.to_owned())).is_none();
                assert!(is_new, "{name} is explained twice");
            } else if let Some(rest) = text.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                kind.clone_into(&mut scrape.families.get_mut(name).unwrap().0);
            } else {
                scrape.samples.push(sample(text));
            }
        }
        scrape
    }

    fn series(&self) -> BTreeSet<String> {
        let series: Vec<_> = self.samples.iter().map(|sample| format!("{}{:?}", sample.name, sample.labels)).collect();
        let unique: BTreeSet<_> = series.iter().cloned().collect();
        assert_eq!(unique.len(), series.len(), "no series comes twice");
        unique
    }

    /// The sum over all series of a name that have these labels.
    fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let has = |sample: &&Sample| {
            let fits = |(label, value): &(&str, &str)| sample.labels.get(*label).is_some_and(|found| found == value);
            sample.name == name && labels.iter().all(fits)
        };
        self.samples.iter().filter(has).map(|sample| sample.value).sum()
    }
}

/// `name{label="value",…} value`; the values here have no escapes, which is checked.
fn sample(text: &str) -> Sample {
    let (series, value) = text.rsplit_once(' ').unwrap();
    let (name, labels) = match series.split_once('{') {
        Some((name, labels)) => (name, labels.strip_suffix('}').unwrap()),
        None => (series, ""),
    };
    let mut found = BTreeMap::new();
    for pair in labels.split("\",").filter(|pair| !pair.is_empty()) {
        let (label, value) = pair.split_once("=\"").unwrap();
        let value = value.trim_end_matches('"');
        assert!(!value.contains(['\\', '"']), "{text}");
        assert!(found.insert(label.to_owned(), value.to_owned()).is_none(), "{text}");
    }
    Sample { name: name.to_owned(), labels: found, value: value.parse().unwrap() }
}

/// Compares what is shown with the catalogue.
fn check(scrape: &Scrape) {
    let known: BTreeMap<String, Facts<'_>> =
        gangway_metrics::all().map(|one| (one.facts().prometheus_name(), one.facts())).collect();
    for (name, (kind, help)) in &scrape.families {
        let facts = known.get(name).unwrap_or_else(|| panic!("{name} is not in the catalogue"));
        assert_eq!((kind.as_str(), help.as_str()), (facts.kind.prometheus(), facts.about), "{name}");
    }
    for Sample { name, labels, .. } in &scrape.samples {
        let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        let facts = known.get(name).or_else(|| family.and_then(|name| known.get(name))).unwrap();
        let expected: BTreeMap<_, _> =
            facts.labels.iter().map(|label| (label.name.replace('.', "_"), label.values)).collect();
        let is_bucket = facts.kind == Kind::Histogram && name.ends_with("_bucket");
        let names: BTreeSet<_> = labels.keys().filter(|label| !(is_bucket && *label == "le")).collect();
        assert_eq!(names, expected.keys().collect(), "{name}");
        for (label, value) in labels {
            if let Some(Values::Listed(listed)) = expected.get(label) {
                assert!(listed.contains(&value.as_str()), "{name}: {label} is {value}");
            }
        }
    }
}

/// Takes the schedules off the syncs, waits for runs that began by them, and answers how many runs there were, and how many of
/// them were worth an event: an incremental one that finds nothing is not.
async fn still(api: &Client, key: &str) -> (f64, f64) {
    let (mut n_runs, mut n_told) = (0_u32, 0_u32);
    for sync in api.list(key, "/v1/syncs").await {
        let path = format!("/v1/syncs/{}", sync["id"].as_str().unwrap());
        api.patch(key, &path, &json!({"schedule": null})).await.expect(200);
        let runs = format!("{path}/runs");
        let ended = async || api.list(key, &runs).await.iter().all(|run| run["state"] == "completed");
        eventually("the runs to end", ended).await;
        for run in api.list(key, &runs).await {
            let found = ["created", "updated", "deleted", "quarantined"].iter().any(|count| run["counts"][count] != 0);
            n_runs += 1;
            n_told += u32::from(found || run["mode"] == "full");
        }
    }
    assert!(n_told >= 3, "{n_told} of {n_runs}");
    (f64::from(n_runs), f64::from(n_told))
}

#[tokio::test(flavor = "multi_thread")]
async fn they_show_what_happened_as_the_catalogue_says_and_strangers_add_no_series() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let mut command = demo(&folder.path().join("data"), FLAGS);
    command.env("GANGWAY__ADMIN__LISTEN", format!("127.0.0.1:{port}"));
    let mut running = Process::start(command);
    let lines = running.read_until(LAST).await;
    let (api, key, operator) = (client(&lines), line(&lines, "tenant key: "), line(&lines, "operator key: "));
    let admin = Client::new(format!("http://127.0.0.1:{port}"));

    api.get("", "/metrics").await.expect(404);
    // What a schedule starts amid this would be counted too.
    let (n_runs, n_told) = still(&api, key).await;
    assert_eq!(admin.get("", "/metrics?name=anything").await.status, 200);
    let head = admin.send(admin.request(Method::HEAD, "", "/metrics")).await;
    assert_eq!((head.status, head.bytes.len()), (200, 0));
    api.get(key, "/v1/employees").await.expect(200);
    let scrape = Scrape::of(&admin).await;
    check(&scrape);
    scrape.series();
    for (name, labels, expected) in [
        ("gangway_sync_records_total", vec![("stream", "employees"), ("outcome", "created")], 12.0),
        ("gangway_sync_records_total", vec![("stream", "absences"), ("outcome", "created")], 48.0),
        ("gangway_sync_run_duration_seconds_count", vec![("state", "completed")], n_runs),
        ("gangway_events_total", vec![("type", "sync.completed")], n_told),
        ("gangway_job_duration_seconds_count", vec![("job_kind", "run-sync"), ("outcome", "failed")], 0.0),
        ("http_server_request_duration_seconds_count", vec![("http_route", "/v1/employees")], 1.0),
        ("gangway_connections", vec![("state", "active")], 1.0),
        ("gangway_tenants", vec![("state", "active")], 1.0),
        ("gangway_database_up", vec![], 1.0),
        ("gangway_build_info", vec![("version", env!("CARGO_PKG_VERSION"))], 1.0),
        ("gangway_vendor_refusals_total", vec![], 0.0),
    ] {
        assert!((scrape.sum(name, &labels) - expected).abs() < 1e-9, "{name} {labels:?}: {scrape:#?}");
    }
    for grows in
        ["http_client_request_duration_seconds_count", "process_resident_memory_bytes", "process_cpu_seconds_total"]
    {
        assert!(scrape.sum(grows, &[]) > 0.0, "{grows}");
    }

    // One of each kind makes its series; many more make none.
    let bother = async |numbers: Range<u32>| {
        for n in numbers {
            let secret = format!("gwt_{n:064}");
            let path = format!("/v1/{n}/{n}?q={n}");
            api.get(&secret, &path).await;
            api.get(operator, &path).await;
            api.get(key, &format!("/v1/employees/emp_{n:032x}")).await;
            api.get(key, &format!("/v1/events?type=kind-{n}")).await;
            let method = Method::from_bytes(format!("BREW{n}").as_bytes()).unwrap();
            api.send(api.request(method, key, "/v1/employees").header("traceparent", format!("00-{n}"))).await;
            let tenant = json!({"name": format!("tenant {n}")});
            api.post(operator, "/v1/tenants", &tenant).await;
        }
    };
    bother(0..3).await;
    let before = Scrape::of(&admin).await.series();
    bother(3..63).await;
    let after = Scrape::of(&admin).await;
    check(&after);
    assert_eq!(after.series().difference(&before).collect::<Vec<_>>(), Vec::<&String>::new());
    let count = |scrape: &Scrape, route: &str| {
        scrape.sum("http_server_request_duration_seconds_count", &[("http_route", route)])
    };
    let n_asked = count(&after, "none");
    assert!((n_asked - 190.0).abs() < 1e-9, "{n_asked} requests that reached no operation");
    // Whoever is not known has no series of a route.
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "BREW"] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        api.send(api.request(method.clone(), "gwt_nobody", "/v1/audit")).await.expect(401);
        api.send(api.request(method, key, &format!("/v1/audit?{}", "q".repeat(9_000)))).await.expect(414);
    }
    let tried = Scrape::of(&admin).await;
    assert_eq!((count(&tried, "/v1/audit"), count(&tried, "none")), (0.0, n_asked + 12.0));

    let audit = async || Scrape::of(&admin).await.sum("gangway_audit_unchained", &[]) > 0.0;
    eventually("the gauges to be read again", audit).await;
    running.stop().await;
}

#[test]
fn alerts_of_the_handbook_name_metrics_that_exist() {
    let handbook = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/operations.md")).unwrap();
    let (_, section) = handbook.split_once("## What to watch").expect("the section is there");
    let section = section.split("\n## ").next().unwrap();
    let alerts: Vec<&str> = section.lines().filter(|line| line.starts_with("| `")).collect();
    assert!(alerts.len() >= 10, "{} alerts", alerts.len());
    let known: BTreeSet<String> = gangway_metrics::all().map(|one| one.facts().prometheus_name()).collect();
    for alert in alerts {
        let query = alert.split('`').nth(1).unwrap();
        let words = query.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        let homes = ["gangway_", "http_", "db_", "process_"];
        // Labels are in braces, and have no home of their own but these.
        let named: Vec<&str> = words
            .filter(|word| homes.iter().any(|home| word.starts_with(home)))
            .filter(|word| !["http_route", "http_response_status_code"].contains(word))
            .collect();
        assert!(!named.is_empty(), "{alert}");
        for name in named {
            let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
            assert!(known.contains(name) || known.contains(family), "{name} in {alert}");
        }
    }
}
