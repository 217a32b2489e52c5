//! The connector against fakes of the vendor: shapes, paging, tokens, checks, hostile answers.

mod absence_types;
mod check;
mod hostile;
mod limits;
mod notices;
mod paging;
mod periods;
mod proxy;
mod requests;
mod revocation;
mod shapes;
mod stored;
mod tokens;
mod unit_ids;
mod v2;
mod v2_absence_changes;
mod v2_absences;
mod v2_attendances;
mod v2_deletions;
mod v2_employees;
mod v2_links;
mod v2_periods;
mod v2_writes;
mod vendor;
mod versions;
mod webhooks;
mod writes;
mod written_versions;

use std::{collections::HashSet, sync::Arc};

use chrono::{DateTime, NaiveDate, Utc};
use gangway_domain::{ManualClock, record::Stream, sync::Window};
use gangway_egress::{Class, HttpPort};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::{ApiVersion, BodyStyle, Config, Credential, Personio};
use crate::contract::{Connection, Connector, MemoryTokenStore, ReadMode, ReadPage, Runtime, TokenStore};

/// The moment at which tests begin.
fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).unwrap()
}

fn window() -> Window {
    Window { from: NaiveDate::from_ymd_opt(2026, 1, 1).unwrap(), to: NaiveDate::from_ymd_opt(2026, 12, 31).unwrap() }
}

/// A connection whose store and clock the test keeps.
async fn connection_at(
    http: Arc<dyn HttpPort>,
    clock: &ManualClock,
    tokens: Arc<dyn TokenStore>,
    page_size: Option<u32>,
) -> Arc<dyn Connection> {
    let base_url = "https://api.personio.de".to_owned();
    let config = Config { base_url, page_size, body_style: BodyStyle::Wrapped, api: ApiVersion::V1 };
    let credential =
        Credential { client_id: "id-1".to_owned(), client_secret: SecretString::from("canary-secret".to_owned()) };
    Connector::connect(&Personio, config, credential, Runtime::new(http, tokens, Arc::new(clock.clone())))
        .await
        .unwrap()
}

async fn connection(http: Arc<dyn HttpPort>) -> Arc<dyn Connection> {
    let clock = ManualClock::new(start());
    let tokens = Arc::new(MemoryTokenStore::new(Arc::new(clock.clone())));
    connection_at(http, &clock, tokens, None).await
}

fn first_page(stream: Stream) -> ReadPage {
    let window = (stream != Stream::Employees).then(window);
    ReadPage::new(stream, ReadMode::All, Class::Sweep).with_window(window)
}

#[test]
fn the_manifest_is_what_was_promised() {
    insta::assert_json_snapshot!(Connector::manifest(&Personio));
}

#[test]
fn config_mistakes_are_named_with_their_place() {
    use crate::contract::AnyConnector;

    let connector: &dyn AnyConnector = &Personio;
    assert!(connector.check_config(&json!({})).is_ok());
    for (config, pointer) in [
        (json!({"base_url": "api.personio.de"}), "/base_url"),
        (json!({"base_url": "ftp://api.personio.de"}), "/base_url"),
        (json!({"base_url": "https://user:pass@api.personio.de"}), "/base_url"),
        (json!({"base_url": "https://api.personio.de/?a=b"}), "/base_url"),
        (json!({"base_url": 7}), "/base_url"),
        (json!({"page_size": 5}), "/page_size"),
        (json!({"page_size": "many"}), "/page_size"),
        (json!({"api": "v3"}), "/api"),
        (json!({"token": "x"}), "/token"),
        (json!("text"), ""),
    ] {
        let problems = connector.check_config(&config).unwrap_err();
        assert_eq!(problems.iter().map(|problem| problem.pointer.as_str()).collect::<Vec<_>>(), [pointer], "{config}");
    }
}

#[test]
fn a_base_url_is_what_it_looks_like() {
    use crate::contract::AnyConnector;

    let connector: &dyn AnyConnector = &Personio;
    for text in [
        "",
        "https://",
        "https:///",
        "http://127.0.0.1:18090\t",
        "ht\ntp://127.0.0.1:18090",
        " http://127.0.0.1:18090 ",
        "http:\\\\127.0.0.1:18090",
        "http:/127.0.0.1:18090",
        "http:127.0.0.1:18090",
        "https://api.personio.de\\@evil.example",
        "https://api.personio.de@evil.example",
        "https://api\u{ff0e}personio.de",
        "https://api.personio\u{ad}.de",
        "https://api.personio.de/v1/../x",
        "https://api.personio.de/%2e%2e/x",
        "https://api.personio.de/./x",
        "https://api.personio.de//x",
        "https://api.personio.de/x//",
        "https://api.personio.de/v1/v1",
        "https://api.personio.de/v1/x",
        "https://api.personio.de/x;y",
        "https://api.personio.de?",
        "https://api.personio.de#",
        "https://61",
        "https://127.1",
        "https://0x7f.0.0.1",
        "https://2130706433/v1",
        "https://%61pi.personio.de",
        "https://[0:0::1]",
    ] {
        let problems = connector.check_config(&json!({"base_url": text})).unwrap_err();
        assert_eq!(
            problems.iter().map(|problem| problem.pointer.as_str()).collect::<Vec<_>>(),
            ["/base_url"],
            "{text:?}"
        );
    }
}

#[test]
fn a_base_url_is_taken_with_and_without_the_version() {
    use crate::contract::AnyConnector;

    let connector: &dyn AnyConnector = &Personio;
    for (text, url) in [
        ("https://api.personio.de", "https://api.personio.de/"),
        ("https://api.personio.de/v1/", "https://api.personio.de/"),
        ("HTTPS://API.personio.de/", "https://api.personio.de/"),
        ("http://127.0.0.1:8090", "http://127.0.0.1:8090/"),
        ("https://gateway.example.org/personio/v1", "https://gateway.example.org/personio"),
    ] {
        assert_eq!(connector.base_url(&json!({"base_url": text})).unwrap().as_str(), url, "{text}");
    }
}

#[test]
fn credential_mistakes_never_show_the_value() {
    use crate::contract::AnyConnector;

    let connector: &dyn AnyConnector = &Personio;
    let wrong: [Value; 5] = [
        json!({"client_id": "a", "client_secret": " canary"}),
        json!({"client_id": "a", "client_secret": ["canary"]}),
        json!({"client_id": "a", "client_secret": "x", "extra": "canary"}),
        json!({"client_id": "canary"}),
        json!({"client_id": "", "client_secret": "x"}),
    ];
    for credential in wrong {
        let problems = connector.check_credential(&credential).unwrap_err();
        assert!(!problems.is_empty() && !format!("{problems:?}").contains("canary"), "{problems:?}");
        let text = SecretString::from(credential.to_string());
        let error = connector.credential_identity(&text).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("canary"));
    }
    let good = SecretString::from(r#"{"client_id":"a","client_secret":"b"}"#.to_owned());
    assert_eq!(connector.credential_identity(&good).unwrap(), "a");
    let not_json = SecretString::from("canary".to_owned());
    assert!(!format!("{:?}", connector.credential_identity(&not_json).unwrap_err()).contains("canary"));
}

/// Every id once.
fn assert_each_once(read: &[String], expected: usize, what: &str) {
    let distinct: HashSet<_> = read.iter().collect();
    assert_eq!(distinct.len(), read.len(), "read twice: {what}");
    assert_eq!(read.len(), expected, "{what}");
}
