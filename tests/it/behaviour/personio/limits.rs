//! The vendor's limits: what each family of headers says about the wait, and a first sync at real pace.

use std::{sync::Arc, time::Duration};

use gangway_connector::{
    AnyConnector, Connection, DiscoverRequest, Error, ErrorKind, Page, ReadMode, ReadPage, Retry, personio::Personio,
};
use gangway_domain::{SystemClock, record::Stream};
use gangway_egress::Class;
use gangway_sandbox::{HeaderFamily, LimiterKind, TokenMode};
use gangway_testkit::behaviour::{Account, Pace, Size, Subject, assert_each_once, client, connect};

use super::emulator::{PersonioAccount, Variant};

const BUCKET: LimiterKind = LimiterKind::Bucket { burst: 5 };

/// How long the vendor's answer lets us wait, of a limit of 5 a minute (or a bucket of 5), used up in a moment.
async fn refused(subject: &Subject) -> Duration {
    for _ in 0..5 {
        subject.first_page(Stream::Absences).await.unwrap();
    }
    let error = subject.first_page(Stream::Absences).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::RateLimited, "{}: {error:?}", subject.name);
    let Retry::After(wait) = error.retry else { panic!("{}: {:?}", subject.name, error.retry) };
    wait
}

/// Another process asks: its budget knows nothing of the refusal.
async fn ask_afresh(subject: &Subject) -> Result<Page, Error> {
    let connection = subject.connect(&subject.account.credential()).await;
    let request = subject.first(Stream::Absences, ReadMode::All);
    connection.source().unwrap().read_page(request).await
}

async fn subject(limiter: LimiterKind, headers: HeaderFamily, limit: u32) -> Subject {
    let variant = Variant { limiter, headers, ..Variant::VENDOR };
    Subject::start(&variant.harness_with_limit(limit), Size::SMALL).await
}

/// The wait is long enough, and a second less would not have been.
async fn assert_exact(subject: &Subject, wait: Duration) {
    let seconds = i64::try_from(wait.as_secs()).unwrap();
    subject.advance_s(seconds - 1);
    assert_eq!(ask_afresh(subject).await.unwrap_err().kind, ErrorKind::RateLimited, "{}: too soon", subject.name);
    subject.advance_s(1);
    assert!(ask_afresh(subject).await.is_ok(), "{}: after {wait:?}", subject.name);
}

#[tokio::test]
async fn retry_after_and_reset_are_waited_out_exactly() {
    for limiter in [LimiterKind::Sliding, LimiterKind::Fixed] {
        for headers in [HeaderFamily::RetryAfter, HeaderFamily::Guide] {
            let subject = subject(limiter, headers, 5).await;
            let wait = refused(&subject).await;
            // The suite's clock starts at a full minute, as does the fixed window.
            assert_eq!(wait, Duration::from_mins(1), "{}", subject.name);
            assert_exact(&subject, wait).await;
        }
    }
}

#[tokio::test]
async fn a_bucket_is_waited_for_until_it_holds_one_token() {
    for (headers, limit, wait) in
        [(HeaderFamily::RetryAfter, 12, 5), (HeaderFamily::Guide, 12, 5), (HeaderFamily::Replenish, 60, 1)]
    {
        let subject = subject(BUCKET, headers, limit).await;
        assert_eq!(refused(&subject).await, Duration::from_secs(wait), "{}", subject.name);
        assert_exact(&subject, Duration::from_secs(wait)).await;
    }
}

#[tokio::test]
async fn without_headers_the_wait_backs_off_with_jitter() {
    for limiter in [LimiterKind::Sliding, LimiterKind::Fixed, BUCKET] {
        let wait = refused(&subject(limiter, HeaderFamily::None, 5).await).await;
        assert!((1..=2).contains(&wait.as_secs()), "{limiter:?}: {wait:?}");
    }
}

#[tokio::test]
async fn a_refused_login_is_a_limit_and_not_a_wrong_credential() {
    let subject = subject(LimiterKind::Sliding, HeaderFamily::RetryAfter, 200).await;
    for _ in 0..60 {
        ask_afresh(&subject).await.unwrap();
    }
    let error = ask_afresh(&subject).await.unwrap_err();
    assert_eq!((error.kind, error.retry), (ErrorKind::RateLimited, Retry::After(Duration::from_mins(1))));
    subject.advance_s(60);
    assert!(ask_afresh(&subject).await.is_ok());
}

async fn read_all(connection: &dyn Connection, account: &dyn Account, stream: Stream) -> Vec<String> {
    let window = (stream != Stream::Employees).then(|| account.window());
    let mut request = ReadPage::new(stream, ReadMode::All, Class::Sweep).with_window(window);
    let mut ids = Vec::new();
    loop {
        let page = connection.source().unwrap().read_page(request.clone()).await.unwrap();
        ids.extend(page.records.into_iter().map(|record| record.external.id));
        let Some(next) = page.next else { return ids };
        request = request.with_checkpoint(Some(next));
    }
}

/// In real time, with the manifest's limits against the vendor's usual ones: both dialects at once.
#[tokio::test]
async fn a_first_sync_of_250_people_takes_at_most_30_requests_and_no_429() {
    let first_sync = async |variant: Variant| {
        let size = Size { people: 250, absences_each: 4, attendances_each: 8 };
        let account = PersonioAccount::start(variant, 200, size, Arc::new(SystemClock));
        let connector: Arc<dyn AnyConnector> = Arc::new(Personio);
        let credential = account.credential();
        let client = client(&connector, &account, Arc::new(SystemClock));
        let clock = Arc::new(SystemClock);
        let connection = connect(&connector, &account, &client, &credential, clock, Pace::Manifest).await;
        connection.discovery().unwrap().discover(DiscoverRequest::new(Class::Interactive)).await.unwrap();
        for stream in Stream::ALL {
            let ids = read_all(connection.as_ref(), &account, stream).await;
            assert_each_once(&format!("{variant:?}"), &account.records(stream), &ids);
        }
        let traffic = account.traffic();
        assert!(traffic.total <= 30, "{variant:?}: {traffic:?}: {:?}", account.handle.ledger(0).routes);
        assert_eq!((traffic.authentications, traffic.denied, traffic.too_many), (1, 0, 0), "{variant:?}");
    };
    let rotating = Variant { tokens: TokenMode::Rotating, ..Variant::VENDOR };
    tokio::join!(first_sync(Variant::VENDOR), first_sync(rotating), first_sync(Variant::GUIDE));
}
