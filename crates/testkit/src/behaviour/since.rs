//! Reading only what changed since a moment.

use chrono::{DateTime, TimeDelta, Utc};
use gangway_connector::ReadMode;
use gangway_domain::{Clock, record::Stream};

use super::{
    Harness,
    account::{Expected, Size},
    compare::{assert_each_once, assert_same_values},
    subject::Subject,
};

pub(super) async fn run(harness: &Harness, stream: Stream) {
    tells_new_and_changed_records_and_no_others(harness, stream).await;
    many_changes_come_over_pages(harness, stream).await;
}

/// What the vendor has to tell about the time since a moment.
fn changed(subject: &Subject, stream: Stream, since: DateTime<Utc>) -> Vec<Expected> {
    let mut records = subject.account.records(stream);
    records.retain(|record| record.tells_changes && record.changed_at >= since);
    records
}

async fn assert_told(subject: &Subject, stream: Stream, since: DateTime<Utc>) -> Vec<String> {
    let context = format!("{}: {} since {since}", subject.name, stream.as_str());
    let expected = changed(subject, stream, since);
    let asked = since + subject.account.reaches_back(stream);
    let read = subject.read(stream, ReadMode::Since(asked)).await;
    assert_each_once(&context, &expected, &read.ids());
    assert_same_values(&context, &expected, &read.records);
    read.ids()
}

async fn tells_new_and_changed_records_and_no_others(harness: &Harness, stream: Stream) {
    let subject = Subject::start(harness, Size::SMALL).await;
    // Two days later, so that nothing else is as young.
    subject.advance_s(2 * 86_400);
    let before = subject.clock.now();
    assert_eq!(assert_told(&subject, stream, before).await, [""; 0], "nothing changed yet");

    subject.advance_s(3_600);
    let changed_at = subject.clock.now();
    let mut told = subject.account.records(stream).into_iter().filter(|record| record.tells_changes);
    let known = told.nth(3).expect("there are more than three").id;
    subject.account.change(stream, &known);
    subject.advance_s(60);
    let added = subject.account.add(stream);
    subject.advance_s(3_600);

    // What the vendor keeps together may change together, which the oracle knows.
    let wanted = [known.clone(), added.clone()];
    for since in [before, changed_at - TimeDelta::seconds(1), changed_at] {
        let read = assert_told(&subject, stream, since).await;
        assert!(wanted.iter().all(|id| read.contains(id)), "{}: {} since {since}", subject.name, stream.as_str());
    }
    // A cursor that lies within the overlap tells them again; one after the change does not.
    assert_eq!(assert_told(&subject, stream, changed_at + TimeDelta::seconds(1)).await, [added]);
    assert_eq!(assert_told(&subject, stream, subject.clock.now()).await, [""; 0]);
    let overlapping = assert_told(&subject, stream, changed_at - TimeDelta::hours(24)).await;
    assert!(wanted.iter().all(|id| overlapping.contains(id)), "{}: {}", subject.name, stream.as_str());
}

async fn many_changes_come_over_pages(harness: &Harness, stream: Stream) {
    let subject = Subject::start(harness, Size::PAGES).await;
    subject.advance_s(2 * 86_400);
    let since = subject.clock.now();
    for record in subject.account.records(stream) {
        if record.tells_changes {
            subject.account.change(stream, &record.id);
        }
    }
    let read = assert_told(&subject, stream, since).await;
    assert!(read.len() > 201, "{}: {}: more than a page changed", subject.name, stream.as_str());
}
