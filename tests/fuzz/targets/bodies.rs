//! Bodies of requests, each held against every operation that takes one.

use std::sync::OnceLock;

use gangway_api::Bodies;

use super::{Target, texts, way};

pub(super) const TARGET: Target = Target { name: "bodies", seeds, run };

fn seeds() -> Vec<Vec<u8>> {
    texts(&[
        r#"{"name":"Acme","time_zone":"Europe/Berlin"}"#,
        r#"{"connector":"personio","name":"HR","config":{"base_url":"https://api.personio.de"},"credential":{"client_id":"a","client_secret":"b"}}"#,
        r#"{"connection_id":"con_0193f1a2b3c47d5e8f9a0b1c2d3e4f50","stream":"employees","schedule":"every 15m"}"#,
        r#"{"attributes":[{"id":"att_1","selected":true,"class":"sensitive"},{"key":"dynamic_1","selected":false}]}"#,
        r#"{"fields":[{"field":"position","attribute":"dynamic_1"},{"field":"team","attribute":null}]}"#,
        r#"{"deletions":{"employees_percent":5,"employees_most":10},"window_days":null,"refused_days":7}"#,
        r#"{"run_id":"run_0193f1a2b3c47d5e8f9a0b1c2d3e4f50","reason":"a site closed"}"#,
        r#"{"name":"key","scopes":["records:read","sensitive:read"],"expires_at":"2027-01-01T00:00:00Z"}"#,
        r#"{"id":"evt-1","event_type":"person.updated","entity_id":"7","created_at":"2026-11-24T08:00:00Z","data":{"a":[1,2,{"b":null}]}}"#,
        "[]",
        "null",
    ])
}

fn run(input: &[u8]) -> u64 {
    static BODIES: OnceLock<Bodies> = OnceLock::new();
    let judged = BODIES.get_or_init(Bodies::new).judge(input);
    let Some(mistakes) = judged else { return way("no JSON") };
    let mut ways = Vec::with_capacity(mistakes.len());
    for mistakes in mistakes {
        assert!(mistakes.len() <= 50, "more mistakes than are told");
        for mistake in &mistakes {
            assert!(mistake.pointer.len() <= 20_000, "a pointer of {} bytes", mistake.pointer.len());
        }
        ways.push((mistakes.len(), mistakes.first().map(|mistake| mistake.message.clone())));
    }
    way(ways)
}
