//! What strangers send to a webhook.

use bytes::Bytes;
use gangway_connector::Incoming;
use secrecy::SecretString;

use super::{
    Target, texts,
    vendor::{SECRET, assert_discreet, personio},
    way,
};

pub(super) const TARGET: Target = Target { name: "notices", seeds, run };

fn seeds() -> Vec<Vec<u8>> {
    texts(&[
        r#"{"company_id":"1234","event_name":"person.updated","occurred_at":"2026-06-01T08:15:30.000Z","payload":{"id":"3003"},"meta":{"id":"m"}}"#,
        r#"{"company_id":"1234","event_name":"employment.updated.cost-centers","occurred_at":"2026-06-01T08:15:30Z","payload":{"id":"2306b77a","person":{"id":"3003"}}}"#,
        r#"{"company_id":1234,"event_name":"absence-period.updated.timerange","occurred_at":"x","payload":{"id":"a","person":{"id":7}}}"#,
        r#"{"event":"attendance.deleted","data":{"attendance_id":5,"employee":{"type":"Employee","attributes":{"id":{"label":"ID","value":7}}}}}"#,
        r#"{"event_type":"employee.created","id":"evt-1","entity_id":"7","timestamp":"2026-06-01T08:15:30+02:00","data":{}}"#,
        r#"[{"event_name":"ping","payload":{}},{"event_name":"document.signed","payload":{"owner":{"id":"7"}}}]"#,
        r#"{"event_name":"ping","event_name":"person.deleted","payload":{"id":"1","id":"2"}}"#,
    ])
}

fn run(input: &[u8]) -> u64 {
    let connector = personio();
    let notices = connector.notices().expect("Personio tells of changes");
    let body = Bytes::copy_from_slice(input);
    let sent = String::from_utf8_lossy(input).into_owned();
    let is_authentic = |value: String| {
        let headers = [("authorization".to_owned(), value)];
        notices.verify(&Incoming::new(&headers, &body), &[SecretString::from(SECRET)])
    };
    assert!(is_authentic(SECRET.to_owned()) && !is_authentic(format!("{SECRET}x")));
    let is_the_secret = sent == SECRET || sent.strip_prefix("Bearer ") == Some(SECRET);
    assert_eq!(is_authentic(sent), is_the_secret, "a stranger is let in");
    match notices.parse(&body) {
        Ok(read) => {
            let mut ways = Vec::new();
            for notice in &read {
                assert!(notice.event.chars().count() <= 100 && !notice.event.contains('\0'), "{notice:?}");
                for id in [&notice.record, &notice.employee].into_iter().flatten().map(|external| &external.id) {
                    assert!((1..=64).contains(&id.len()) && !id.contains(char::is_control), "{notice:?}");
                }
                let has = (notice.record.is_some(), notice.employee.is_some(), notice.event_id.is_some());
                ways.push((notice.happened, notice.stream, has, notice.occurred_at.is_some()));
            }
            ways.truncate(3);
            way((read.len().min(4), ways))
        }
        Err(error) => {
            assert_discreet(&format!("{error} {error:?}"));
            way((format!("{:?}", error.kind), &error.message))
        }
    }
}
