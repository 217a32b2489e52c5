//! Single reads, which confirm that a record is gone. A wrong "gone" deletes somebody downstream, so every doubt is an error.

use gangway_connector::{ErrorKind, ReadOne};
use gangway_domain::record::Stream;
use gangway_egress::Class;

use super::{
    Harness,
    account::{Failure, Size},
    compare::assert_same_values,
    subject::{Subject, source},
};

pub(super) async fn run(harness: &Harness, stream: Stream) {
    let subject = Subject::start(harness, Size::SMALL).await;
    if subject.account.reads_single(stream) {
        only_a_removed_record_is_gone(&subject, stream).await;
        doubt_is_no_confirmation(&subject, stream).await;
    } else {
        what_cannot_be_asked_is_never_gone(&subject, stream).await;
    }
    an_id_that_is_none_is_refused(&subject, stream).await;
}

fn one(stream: Stream, id: &str) -> ReadOne {
    ReadOne::new(stream, id, Class::Sweep)
}

async fn only_a_removed_record_is_gone(subject: &Subject, stream: Stream) {
    let context = format!("{}: {}", subject.name, stream.as_str());
    let expected = subject.account.records(stream);
    for record in expected.iter().take(9) {
        let read = subject.source().read_one(one(stream, &record.id)).await;
        let read = read.unwrap_or_else(|error| panic!("{context}: {error:?}"));
        let read = read.unwrap_or_else(|| panic!("{context}: {} is there", record.id));
        assert_eq!(read.external.id, record.id, "{context}");
        assert_same_values(&context, &expected, &[read]);
    }
    let removed = &expected.last().expect("there is one").id;
    subject.account.remove(stream, removed);
    // A connection that has read nothing yet must come to the same end.
    for connection in [subject.connection.clone(), subject.connect(&subject.account.credential()).await] {
        let read = source(connection.as_ref()).read_one(one(stream, removed)).await;
        let read = read.unwrap_or_else(|error| panic!("{context}: {error:?}"));
        assert!(read.is_none(), "{context}: {removed} was removed");
    }
}

async fn doubt_is_no_confirmation(subject: &Subject, stream: Stream) {
    let id = subject.account.records(stream).first().expect("there is one").id.clone();
    for (status, body) in [(404, "<html>no such page</html>"), (404, ""), (200, ""), (500, ""), (403, "<html>")] {
        let context = format!("{}: {}: {status} {body:?}", subject.name, stream.as_str());
        subject.account.fail_next(stream, &Failure { status, body, retry_after_s: None });
        let read = subject.source().read_one(one(stream, &id)).await;
        assert!(read.is_err(), "{context}: {:?}", read.map(|record| record.is_some()));
    }
    let read = subject.source().read_one(one(stream, &id)).await;
    assert!(matches!(read, Ok(Some(_))), "{}: {}: {read:?}", subject.name, stream.as_str());
}

async fn what_cannot_be_asked_is_never_gone(subject: &Subject, stream: Stream) {
    let id = subject.account.records(stream).first().expect("there is one").id.clone();
    for id in [id.as_str(), "999999999"] {
        let error = subject.source().read_one(one(stream, id)).await.err();
        let kind = error.map(|error| error.kind);
        assert_eq!(kind, Some(ErrorKind::Unsupported), "{}: {} {id}", subject.name, stream.as_str());
    }
}

async fn an_id_that_is_none_is_refused(subject: &Subject, stream: Stream) {
    let before = subject.account.traffic();
    for id in ["", "..", "../employees", "1/2", "1?limit=1", "1#x", "%2e%2e", "1 2", "ä"] {
        let error = subject.source().read_one(one(stream, id)).await.err();
        let kind = error.map(|error| error.kind);
        assert_eq!(kind, Some(ErrorKind::Refused), "{}: {} {id:?}", subject.name, stream.as_str());
    }
    assert_eq!(subject.account.traffic(), before, "{}: nothing is asked", subject.name);
}
