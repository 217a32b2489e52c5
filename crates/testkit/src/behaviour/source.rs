//! Reading pages: everything once, with its values, at every size at which pages break; and taking up a checkpoint.

use gangway_connector::{Checkpoint, ErrorKind, ReadMode};
use gangway_domain::record::Stream;

use super::{
    Harness,
    account::Size,
    compare::{assert_each_once, assert_same_values},
    subject::{Subject, source},
};

/// At, below and above the sizes at which vendors cut pages.
const SIZES: [usize; 8] = [0, 1, 99, 100, 101, 200, 201, 250];

pub(super) async fn run(harness: &Harness) {
    every_record_is_read_once_with_its_values(harness).await;
    a_checkpoint_is_taken_up_by_another_connection(harness).await;
    a_page_can_be_read_again(harness).await;
    what_was_handed_over_is_read_from_its_bytes_without_asking(harness).await;
    a_checkpoint_that_is_not_ours_is_refused(harness).await;
}

async fn every_record_is_read_once_with_its_values(harness: &Harness) {
    for people in SIZES {
        let subject = Subject::start(harness, Size { people, absences_each: 1, attendances_each: 1 }).await;
        for stream in harness.streams() {
            let context = format!("{}: {people} people: {}", subject.name, stream.as_str());
            let before = subject.account.traffic();
            let read = subject.read(stream, ReadMode::All).await;
            let expected = subject.account.records(stream);
            assert_each_once(&context, &expected, &read.ids());
            assert_same_values(&context, &expected, &read.records);
            assert!(!read.total_changed, "{context}: nothing changed meanwhile");
            let after = subject.account.traffic();
            let sent = after.total - before.total - (after.authentications - before.authentications);
            let needed = subject.account.n_requests(stream, read.n_pages, read.records.len());
            assert_eq!(sent, needed, "{context}: no request too many");
            assert_eq!(after.too_many, 0, "{context}");
        }
        let (logins, made) = (subject.account.n_logins(), subject.account.traffic().authentications);
        assert_eq!(made, logins, "{}: {people} people", subject.name);
    }
}

async fn a_checkpoint_is_taken_up_by_another_connection(harness: &Harness) {
    let subject = Subject::start(harness, Size::PAGES).await;
    for stream in harness.streams() {
        let context = format!("{}: {}", subject.name, stream.as_str());
        let page = subject.first_page(stream).await.unwrap_or_else(|error| panic!("{context}: {error:?}"));
        let mut ids: Vec<_> = page.records.iter().map(|record| record.external.id.clone()).collect();
        let next = page.next.unwrap_or_else(|| panic!("{context}: several pages"));
        let mut stored = Some(next.into_string());
        while let Some(text) = stored.take() {
            let connection = subject.connect(&subject.account.credential()).await;
            let request = subject.first(stream, ReadMode::All).with_checkpoint(Some(Checkpoint::from_stored(text)));
            let page = source(connection.as_ref()).read_page(request).await;
            let page = page.unwrap_or_else(|error| panic!("{context}: {error:?}"));
            ids.extend(page.records.iter().map(|record| record.external.id.clone()));
            stored = page.next.map(Checkpoint::into_string);
            subject.advance_s(1);
        }
        assert_each_once(&context, &subject.account.records(stream), &ids);
    }
}

async fn a_page_can_be_read_again(harness: &Harness) {
    let subject = Subject::start(harness, Size::PAGES).await;
    for stream in harness.streams() {
        let context = format!("{}: {}", subject.name, stream.as_str());
        let page = subject.first_page(stream).await.unwrap_or_else(|error| panic!("{context}: {error:?}"));
        let request = subject.first(stream, ReadMode::All).with_checkpoint(page.next);
        let mut reads = Vec::new();
        for _ in 0..2 {
            let page = subject.source().read_page(request.clone()).await;
            let page = page.unwrap_or_else(|error| panic!("{context}: {error:?}"));
            let raw: Vec<_> = page.records.iter().map(|record| record.raw.clone()).collect();
            reads.push((raw, page.next, page.done, page.total));
            subject.advance_s(1);
        }
        assert_eq!(reads.first(), reads.last(), "{context}: the same page twice");
    }
}

async fn what_was_handed_over_is_read_from_its_bytes_without_asking(harness: &Harness) {
    let subject = Subject::start(harness, Size::SMALL).await;
    let connector = harness.emulator.connector();
    for stream in harness.streams() {
        let read = subject.read(stream, ReadMode::All).await;
        let asked = subject.account.traffic().total;
        for record in &read.records {
            let context = format!("{}: {}: {}", subject.name, stream.as_str(), record.external.id);
            let again = connector.read_stored(stream, &record.external, record.raw.clone());
            let again = again.unwrap_or_else(|error| panic!("{context}: {error:?}"));
            assert_eq!(
                (&again.external, &again.also, &again.employee),
                (&record.external, &record.also, &record.employee)
            );
            assert!(again.fields == record.fields && again.attributes == record.attributes, "{context}: other values");
            assert_eq!((again.spans, again.raw), (record.spans.clone(), record.raw.clone()), "{context}");
        }
        assert!(!read.records.is_empty(), "{}: {}: control", subject.name, stream.as_str());
        assert_eq!(subject.account.traffic().total, asked, "{}: nobody is asked", subject.name);
    }
}

async fn a_checkpoint_that_is_not_ours_is_refused(harness: &Harness) {
    let subject = Subject::start(harness, Size::PAGES).await;
    let streams = harness.streams();
    let mut foreign: Vec<(Stream, Checkpoint)> = Vec::new();
    for (stream, other) in streams.iter().zip(streams.iter().skip(1)) {
        let page = subject.first_page(*stream).await.unwrap_or_else(|error| panic!("{}: {error:?}", subject.name));
        foreign.extend(page.next.map(|next| (*other, next)));
    }
    let damaged = ["", "{}", "null", "[1,2]", "{\"v\":1", "\u{0}"].map(Checkpoint::from_stored);
    foreign.extend(damaged.into_iter().flat_map(|text| streams.iter().map(move |stream| (*stream, text.clone()))));

    let before = subject.account.traffic();
    for (stream, checkpoint) in foreign {
        let context = format!("{}: {}: {checkpoint:?}", subject.name, stream.as_str());
        let request = subject.first(stream, ReadMode::All).with_checkpoint(Some(checkpoint));
        let error = subject.source().read_page(request).await.expect_err(&context);
        assert_eq!(error.kind, ErrorKind::Refused, "{context}");
    }
    assert_eq!(subject.account.traffic(), before, "{}: nothing is asked", subject.name);
}
