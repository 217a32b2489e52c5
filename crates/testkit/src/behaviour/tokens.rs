//! Tokens: got once, used until they end, got again when they do, and never more often than the pause allows.

use std::time::Duration;

use gangway_connector::{Connection, Error, ErrorKind, MIN_PAUSE_SECONDS, Owner, Page, ReadMode, Retry};
use gangway_domain::record::Stream;
use secrecy::ExposeSecret;

use super::{
    Harness,
    account::Size,
    compare::assert_each_once,
    subject::{Subject, source},
};

pub(super) async fn run(harness: &Harness) {
    one_authentication_serves_every_stream(harness).await;
    a_token_at_its_end_is_not_sent(harness).await;
    a_token_that_dies_between_pages_costs_one_authentication(harness).await;
    two_deaths_in_a_row_wait_out_the_pause(harness).await;
    a_wrong_credential_is_tried_once_per_pause(harness).await;
    callers_at_the_same_time_share_one_authentication(harness).await;
}

async fn one_authentication_serves_every_stream(harness: &Harness) {
    let subject = Subject::start(harness, Size::PAGES).await;
    for stream in harness.streams() {
        subject.read(stream, ReadMode::All).await;
    }
    let traffic = subject.account.traffic();
    let logins = subject.account.n_logins();
    assert_eq!((traffic.authentications, traffic.denied, traffic.too_many), (logins, 0, 0), "{}", subject.name);
}

async fn a_token_at_its_end_is_not_sent(harness: &Harness) {
    let subject = Subject::start(harness, Size::SMALL).await;
    subject.read(Stream::Employees, ReadMode::All).await;
    subject.advance_s(8 * 86_400);
    subject.read(Stream::Employees, ReadMode::All).await;
    let traffic = subject.account.traffic();
    assert_eq!((traffic.authentications, traffic.denied), (2, 0), "{}", subject.name);
}

async fn a_token_that_dies_between_pages_costs_one_authentication(harness: &Harness) {
    for stream in harness.streams() {
        let subject = Subject::start(harness, Size::PAGES).await;
        let context = format!("{}: {}", subject.name, stream.as_str());
        let request = subject.first(stream, ReadMode::All);
        let read = subject
            .read_from(request, |n_pages| {
                if n_pages == 1 {
                    subject.advance_s(MIN_PAUSE_SECONDS);
                    subject.account.expire_tokens();
                }
            })
            .await;
        assert_each_once(&context, &subject.account.records(stream), &read.ids());
        let traffic = subject.account.traffic();
        assert_eq!((traffic.authentications, traffic.denied), (2, 1), "{context}");
    }
}

async fn two_deaths_in_a_row_wait_out_the_pause(harness: &Harness) {
    let subject = Subject::start(harness, Size::SMALL).await;
    subject.read(Stream::Employees, ReadMode::All).await;
    subject.account.expire_tokens();
    let error = subject.first_page(Stream::Employees).await.expect_err("no new token yet");
    let pause = pause(&subject.name, &error);
    assert_eq!(subject.account.traffic().authentications, 1, "{}", subject.name);
    subject.advance_s(i64::try_from(pause.as_secs()).unwrap_or(i64::MAX) + 1);
    subject.read(Stream::Employees, ReadMode::All).await;
    assert_eq!(subject.account.traffic().authentications, 2, "{}", subject.name);
}

/// The time an error asks to wait, which is the rest of the pause between two authentications.
fn pause(name: &str, error: &Error) -> Duration {
    assert_eq!(error.kind, ErrorKind::RateLimited, "{name}: {error:?}");
    match error.retry {
        Retry::After(pause) if pause <= Duration::from_secs(MIN_PAUSE_SECONDS.unsigned_abs()) => pause,
        retry => panic!("{name}: {retry:?} is not the rest of the pause"),
    }
}

async fn first_page(subject: &Subject, connection: &dyn Connection) -> Result<Page, Error> {
    source(connection).read_page(subject.first(Stream::Employees, ReadMode::All)).await
}

async fn a_wrong_credential_is_tried_once_per_pause(harness: &Harness) {
    let subject = Subject::start(harness, Size::SMALL).await;
    let wrong = subject.account.wrong_credential();
    let connection = subject.connect(&wrong).await;
    let mut n_apis = None;
    for n_pauses in 1..=3 {
        let error = first_page(&subject, connection.as_ref()).await.expect_err("the credential is wrong");
        assert_eq!(
            (error.kind, error.retry),
            (ErrorKind::Unauthenticated, Retry::Never),
            "{}: {error:?}",
            subject.name
        );
        assert_eq!(error.owner(), Owner::Tenant, "{}", subject.name);
        let said = format!("{error} {error:?}");
        assert!(!said.contains(wrong.expose_secret()) && !said.contains("client_secret"), "{}: {said}", subject.name);
        for _ in 0..3 {
            let again = first_page(&subject, connection.as_ref()).await.expect_err("the credential is wrong");
            assert_eq!((again.kind, &again.message), (error.kind, &error.message), "{}: {again:?}", subject.name);
        }
        let total = subject.account.traffic().total;
        // Each API of the vendor has a login of its own.
        let n_apis = *n_apis.get_or_insert(total);
        assert!((1..=2).contains(&n_apis) && total == n_pauses * n_apis, "{}: one a pause, not {total}", subject.name);
        subject.advance_s(MIN_PAUSE_SECONDS);
    }
}

async fn callers_at_the_same_time_share_one_authentication(harness: &Harness) {
    let subject = Subject::start(harness, Size::SMALL).await;
    if !subject.account.takes_parallel_requests() {
        return;
    }
    let (a, b, c, d) = tokio::join!(
        subject.first_page(Stream::Employees),
        subject.first_page(Stream::Employees),
        subject.first_page(Stream::Employees),
        subject.first_page(Stream::Employees),
    );
    for page in [a, b, c, d] {
        let page = page.unwrap_or_else(|error| panic!("{}: {error:?}", subject.name));
        assert!(!page.records.is_empty(), "{}", subject.name);
    }
    assert_eq!(subject.account.traffic().authentications, 1, "{}", subject.name);
}
