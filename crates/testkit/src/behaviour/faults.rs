//! Answers that are not the vendor's usual ones: which error they become, and that the next call is none the worse.

use std::time::Duration;

use gangway_connector::{ErrorKind, ReadMode, Retry};
use gangway_domain::record::Stream;

use super::{
    Harness,
    account::{Failure, Size},
    compare::assert_each_once,
    subject::{Subject, source},
};

pub(super) async fn run(harness: &Harness) {
    for stream in harness.streams() {
        an_outage_becomes_a_retryable_error(harness, stream).await;
        a_failed_page_is_read_again_without_loss(harness, stream).await;
        a_refusal_holds_the_next_request_back(harness, stream).await;
    }
}

const OUTAGES: [(u16, &str, ErrorKind); 9] = [
    (500, "", ErrorKind::Unavailable),
    (502, "<html>bad gateway</html>", ErrorKind::Unavailable),
    (503, "{}", ErrorKind::Unavailable),
    (504, "upstream request timeout", ErrorKind::Unavailable),
    (200, "<html>maintenance</html>", ErrorKind::Protocol),
    (200, "", ErrorKind::Protocol),
    (200, "{\"success\":true,\"data\":[{", ErrorKind::Protocol),
    (403, "<html>blocked by the firewall</html>", ErrorKind::Protocol),
    (404, "<html>no such page</html>", ErrorKind::Protocol),
];

async fn an_outage_becomes_a_retryable_error(harness: &Harness, stream: Stream) {
    let subject = Subject::start(harness, Size::SMALL).await;
    subject.first_page(stream).await.unwrap_or_else(|error| panic!("{}: {error:?}", subject.name));
    for (status, body, kind) in OUTAGES {
        let context = format!("{}: {}: {status} {body:?}", subject.name, stream.as_str());
        if status == 404 && subject.account.may_have_ended(stream) {
            continue;
        }
        subject.advance_s(1);
        subject.account.fail_next(stream, &Failure { status, body, retry_after_s: None });
        let error = subject.first_page(stream).await.expect_err(&context);
        assert_eq!(error.kind, kind, "{context}: {error:?}");
        assert_ne!(error.retry, Retry::Never, "{context}: it passes by itself");
    }
    subject.advance_s(1);
    let read = subject.read(stream, ReadMode::All).await;
    assert_each_once(&subject.name, &subject.account.records(stream), &read.ids());
    assert_eq!(subject.account.traffic().authentications, 1, "{}: the token was not at fault", subject.name);
}

async fn a_failed_page_is_read_again_without_loss(harness: &Harness, stream: Stream) {
    let subject = Subject::start(harness, Size::PAGES).await;
    let mut request = subject.first(stream, ReadMode::All);
    let mut ids = Vec::new();
    loop {
        subject.account.fail_next(stream, &Failure { status: 502, body: "", retry_after_s: None });
        assert!(subject.source().read_page(request.clone()).await.is_err(), "{}", subject.name);
        let page = subject.source().read_page(request.clone()).await;
        let page = page.unwrap_or_else(|error| panic!("{}: {error:?}", subject.name));
        ids.extend(page.records.iter().map(|record| record.external.id.clone()));
        subject.advance_s(1);
        let Some(next) = page.next else { break };
        request = request.with_checkpoint(Some(next));
    }
    assert_each_once(&subject.name, &subject.account.records(stream), &ids);
}

async fn a_refusal_holds_the_next_request_back(harness: &Harness, stream: Stream) {
    let subject = Subject::start(harness, Size::SMALL).await;
    let context = format!("{}: {}", subject.name, stream.as_str());
    subject.first_page(stream).await.unwrap_or_else(|error| panic!("{context}: {error:?}"));
    subject.account.fail_next(stream, &Failure { status: 429, body: "", retry_after_s: Some(40) });
    let error = subject.first_page(stream).await.expect_err(&context);
    assert_eq!((error.kind, error.retry), (ErrorKind::RateLimited, Retry::After(Duration::from_secs(40))), "{context}");

    let sent = subject.account.traffic().total;
    let error = subject.first_page(stream).await.expect_err(&context);
    assert_eq!(error.kind, ErrorKind::RateLimited, "{context}: {error:?}");
    assert!(matches!(error.retry, Retry::After(rest) if rest <= Duration::from_secs(40)), "{context}: {error:?}");
    assert_eq!(subject.account.traffic().total, sent, "{context}: nothing is sent meanwhile");

    // Another process, whose budget knows nothing of it, is served again.
    let connection = subject.connect(&subject.account.credential()).await;
    let page = source(connection.as_ref()).read_page(subject.first(stream, ReadMode::All)).await;
    assert!(page.is_ok(), "{context}: {page:?}");
}
