//! Checking a connection: a good credential, a bad one, and what the report says.

use gangway_connector::{CheckRequest, FindingLevel};
use gangway_egress::Class;

use super::{
    Harness,
    account::{Size, Traffic},
    subject::Subject,
};

pub(super) async fn run(harness: &Harness) {
    a_good_credential_reads_every_stream(harness).await;
    a_bad_credential_is_a_report(harness).await;
}

async fn a_good_credential_reads_every_stream(harness: &Harness) {
    let subject = Subject::start(harness, Size::SMALL).await;
    let report = subject.connection.check(CheckRequest::new(Class::Interactive)).await;
    let report = report.unwrap_or_else(|error| panic!("{}: {error:?}", subject.name));
    assert!(report.ok, "{}: {report:?}", subject.name);
    let mut readable: Vec<_> = report.streams.iter().filter(|check| check.readable).map(|check| check.stream).collect();
    readable.sort();
    assert_eq!(readable, harness.streams(), "{}: {report:?}", subject.name);
    assert!(report.findings.iter().all(|finding| finding.level != FindingLevel::Error), "{}", subject.name);
}

async fn a_bad_credential_is_a_report(harness: &Harness) {
    let subject = Subject::start(harness, Size::SMALL).await;
    let connection = subject.connect(&subject.account.wrong_credential()).await;
    let report = connection.check(CheckRequest::new(Class::Interactive)).await;
    let report = report.unwrap_or_else(|error| panic!("{}: a refusal is a report: {error:?}", subject.name));
    assert!(!report.ok && report.streams.iter().all(|check| !check.readable), "{}: {report:?}", subject.name);
    let worst = report.findings.first().expect("a report that is not ok says why");
    assert_eq!(worst.level, FindingLevel::Error, "{}", subject.name);
    assert!(worst.action.is_some(), "{}: it says what the admin can do", subject.name);
    let Traffic { total, authentications, .. } = subject.account.traffic();
    assert_eq!(total, authentications, "{}: nothing is asked without a token", subject.name);
    assert!(
        (1..=2).contains(&total),
        "{}: each API of the vendor is asked once for a token, not {total} times",
        subject.name
    );
}
