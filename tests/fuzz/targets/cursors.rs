//! Places in streams and listings, and the other small texts that come from outside: ids, moments, schedules, paths.

use chrono::{DateTime, Utc};
use gangway_connector::{Checkpoint, Pass, ReadMode, ReadPage};
use gangway_domain::{
    id::{ConnectionId, EmployeeId, EventId},
    record::Stream,
};
use gangway_egress::Class;

use super::{
    Target, texts,
    vendor::{Account, assert_discreet, now, personio},
    way,
};

pub(super) const TARGET: Target = Target { name: "cursors", seeds, run };

/// The first byte says what the text is taken for.
fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = texts(&[
        r#"a{"version":1,"stream":"employees","offset":200,"limit":100}"#,
        r#"a{"v":1,"stream":"employees","seen":[1,2,3],"page":3}"#,
        "bemp_0193f1a2b3c47d5e8f9a0b1c2d3e4f50",
        "c2026-11-24T08:00:00.000001Z",
        "c2026-11-24T08:00:00+01:00",
        "devery 15m",
        "d0 6 * * MON-FRI",
        "e/v1/company/employees/42?limit=1",
        "e/v1/company/%2e%2e/time-offs?employees[]=1&start_date=2026-01-01",
    ]);
    // As the connector writes them.
    let account = Account::get();
    account.answers(200, "application/json", full_page().as_bytes());
    let source = account.connection.source().expect("Personio reads records");
    let first = now(source.read_page(ReadPage::new(Stream::Employees, ReadMode::All, Class::Sweep)));
    if let Ok(Some(next)) = first.map(|page| page.next) {
        seeds.push(format!("a{}", next.as_str()).into_bytes());
    }
    seeds
}

fn full_page() -> String {
    let people: Vec<_> = (1..=100)
        .map(|id| serde_json::json!({ "type": "Employee", "attributes": { "id": { "value": id } } }))
        .collect();
    let metadata = serde_json::json!({ "total_elements": 350, "current_page": 0, "total_pages": 4 });
    serde_json::json!({ "success": true, "data": people, "metadata": metadata }).to_string()
}

fn run(input: &[u8]) -> u64 {
    let (kind, text) = input.split_first().map_or((0, input), |(kind, text)| (*kind, text));
    let text = String::from_utf8_lossy(text);
    match kind % 5 {
        2 => checkpoint(&text),
        3 => ids(&text),
        4 => way((4, text.parse::<DateTime<Utc>>().is_ok())),
        0 => schedule(&text),
        _ => path(&text),
    }
}

fn checkpoint(text: &str) -> u64 {
    let account = Account::get();
    account.answers(200, "application/json", br#"{"success":true,"data":[]}"#);
    let source = account.connection.source().expect("Personio reads records");
    let request = ReadPage::new(Stream::Employees, ReadMode::All, Class::Sweep)
        .with_checkpoint(Some(Checkpoint::from_stored(text)));
    match now(source.read_page(request)) {
        Ok(page) => way((2, page.done, page.total_changed)),
        Err(error) => {
            assert_discreet(&format!("{error} {error:?}"));
            way((2, format!("{:?}", error.kind), &error.message))
        }
    }
}

fn ids(text: &str) -> u64 {
    let employee = text.parse::<EmployeeId>();
    if let Ok(id) = &employee {
        assert_eq!(id.to_string(), text, "an id has one spelling");
    }
    way((3, employee.is_ok(), text.parse::<ConnectionId>().is_ok(), text.parse::<EventId>().is_ok()))
}

fn schedule(text: &str) -> u64 {
    match gangway_app::syncs::Schedule::parse(text) {
        Ok(_) => way((0, "good")),
        Err(message) => way((0, message.len())),
    }
}

fn path(text: &str) -> u64 {
    let paths = personio().manifest().proxy;
    match Pass::of(&paths, text, Class::Interactive) {
        Ok(pass) => {
            let n_segments = |path: &str| path.split('/').count();
            assert_eq!(n_segments(&pass.path), n_segments(pass.template), "{pass:?}");
            assert!(pass.path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_".contains(&byte)), "{pass:?}");
            way((1, pass.template, pass.query.len()))
        }
        Err(reason) => way((1, std::mem::discriminant(&reason))),
    }
}
