//! Answers that only this vendor gives: errors under status 200, codes that decide what a 403 means, localised texts, and
//! the oddities of its values one by one.

use gangway_connector::{CheckRequest, ErrorKind, FindingLevel, Owner, ReadMode, ReadOne, Retry};
use gangway_domain::record::Stream;
use gangway_egress::Class;
use gangway_sandbox::{Language, Quirks};
use gangway_testkit::behaviour::{Failure, Size, Subject, assert_each_once, assert_same_values};

use super::emulator::Variant;

const EMPLOYEES: Stream = Stream::Employees;

fn refusal(code: u16) -> String {
    format!(r#"{{"success":false,"error":{{"code":{code},"message":"Es ist ein Problem aufgetreten "}}}}"#)
}

async fn fail(subject: &Subject, stream: Stream, status: u16, body: &str) -> (ErrorKind, Retry) {
    subject.account.fail_next(stream, &Failure { status, body, retry_after_s: None });
    let error = subject.first_page(stream).await.unwrap_err();
    assert!(!error.to_string().contains("Problem"), "the vendor's text stays out: {error}");
    subject.advance_s(31);
    (error.kind, error.retry)
}

#[tokio::test]
async fn a_flag_under_status_200_is_an_error_of_its_code() {
    let subject = Subject::start(&Variant::VENDOR.harness(), Size::SMALL).await;
    for (code, kind) in [
        (0, ErrorKind::Protocol),
        // A list that is not there says nothing about a record.
        (404, ErrorKind::Protocol),
        (429, ErrorKind::RateLimited),
        (500, ErrorKind::Unavailable),
    ] {
        assert_eq!(fail(&subject, EMPLOYEES, 200, &refusal(code)).await.0, kind, "{code}");
    }
}

#[tokio::test]
async fn the_code_tells_a_missing_right_from_a_dead_token() {
    let subject = Subject::start(&Variant::VENDOR.harness(), Size::SMALL).await;
    assert_eq!(fail(&subject, EMPLOYEES, 403, &refusal(0)).await, (ErrorKind::Forbidden, Retry::Never));
    assert_eq!(ErrorKind::Forbidden.owner(), Owner::Tenant);
    assert_eq!(subject.account.traffic().authentications, 1, "the token was not at fault");

    // A dead token is replaced and the page read.
    for (n_authentications, status, code) in [(2, 403, 403), (3, 401, 401), (4, 200, 401)] {
        let body = refusal(code);
        subject.account.fail_next(EMPLOYEES, &Failure { status, body: &body, retry_after_s: None });
        let page = subject.first_page(EMPLOYEES).await.unwrap();
        assert_eq!(page.records.len(), 30, "{status} {code}");
        assert_eq!(subject.account.traffic().authentications, n_authentications, "{status} {code}");
        subject.advance_s(31);
    }
}

#[tokio::test]
async fn a_system_that_rejects_every_token_is_asked_twice_and_left_alone() {
    let subject = Subject::start(&Variant::VENDOR.harness(), Size::SMALL).await;
    subject.first_page(EMPLOYEES).await.unwrap();
    subject.advance_s(31);
    let sent = subject.account.traffic().total;
    let body = refusal(403);
    for _ in 0..2 {
        subject.account.fail_next(EMPLOYEES, &Failure { status: 403, body: &body, retry_after_s: None });
    }
    let error = subject.first_page(EMPLOYEES).await.unwrap_err();
    assert_eq!((error.kind, error.retry), (ErrorKind::Unauthenticated, Retry::Never));
    assert_eq!(subject.account.traffic().total - sent, 3, "two reads and one login");
}

#[tokio::test]
async fn attendances_that_ended_say_so() {
    let subject = Subject::start(&Variant::VENDOR.harness(), Size::SMALL).await;
    for status in [404, 405, 410] {
        let (kind, retry) = fail(&subject, Stream::Attendances, status, &refusal(404)).await;
        assert_eq!((kind, retry), (ErrorKind::Unsupported, Retry::Never), "{status}");
    }
}

#[tokio::test]
async fn a_credential_without_a_stream_is_usable_and_the_report_names_the_permission() {
    let subject = Subject::start(&Variant::VENDOR.harness(), Size::SMALL).await;
    let body = refusal(0);
    subject.account.fail_next(Stream::Absences, &Failure { status: 403, body: &body, retry_after_s: None });
    let report = subject.connection.check(CheckRequest::new(Class::Interactive)).await.unwrap();
    assert!(report.ok);
    let unreadable: Vec<_> = report.streams.iter().filter(|check| !check.readable).map(|check| check.stream).collect();
    assert_eq!(unreadable, [Stream::Absences]);
    let finding = report.findings.first().unwrap();
    assert_eq!((finding.level, finding.code), (FindingLevel::Warning, "stream_not_permitted"));
    assert!(finding.action.as_deref().unwrap().contains("Absences"));
}

#[tokio::test]
async fn a_hidden_attribute_that_the_main_job_needs_is_a_warning() {
    let subject = Subject::start(&Variant::VENDOR.harness(), Size::SMALL).await;
    subject.account.hide("email");
    let report = subject.connection.check(CheckRequest::new(Class::Interactive)).await.unwrap();
    assert!(report.ok);
    let finding = report.findings.first().unwrap();
    assert_eq!((finding.level, finding.code), (FindingLevel::Warning, "attribute_not_readable"));
    assert!(finding.message.contains("email"));
}

/// The sandbox's switches turned one by one: none may change what is read.
#[tokio::test]
async fn no_oddity_of_the_vendor_changes_what_is_read() {
    let usual = Quirks::default();
    let odd: [fn(Quirks) -> Quirks; 9] = [
        |quirks| Quirks { string_hours: false, ..quirks },
        |quirks| Quirks { numeric_half_days: false, ..quirks },
        |quirks| Quirks { empty_shapes: false, ..quirks },
        |quirks| Quirks { tags_as_json: false, ..quirks },
        |quirks| Quirks { mixed_offsets: false, ..quirks },
        |quirks| Quirks { metadata: false, ..quirks },
        |quirks| Quirks { errors_with_200: true, ..quirks },
        |quirks| Quirks { error_language: Language::English, ..quirks },
        |quirks| Quirks { label_language: Language::German, ..quirks },
    ];
    for turn in odd {
        let quirks = turn(usual.clone());
        let variant = Variant::VENDOR;
        let (subject, handle) =
            variant.start_with_handle(Size { people: 60, absences_each: 3, attendances_each: 2 }).await;
        handle.set_quirks(quirks.clone()).unwrap();
        for stream in Stream::ALL {
            let context = format!("{quirks:?}: {}", stream.as_str());
            let expected = subject.account.records(stream);
            let read = subject.read(stream, ReadMode::All).await;
            assert_each_once(&context, &expected, &read.ids());
            assert_same_values(&context, &expected, &read.records);
        }
        let absent = subject.source().read_one(ReadOne::new(EMPLOYEES, "1", Class::Sweep)).await.unwrap();
        assert!(absent.is_none(), "{quirks:?}");
    }
}

#[tokio::test]
async fn changes_come_whether_or_not_the_vendor_pages_them() {
    for updated_since_pages in [true, false] {
        let (subject, handle) = Variant::VENDOR.start_with_handle(Size::PAGES).await;
        handle.set_quirks(Quirks { updated_since_pages, ..Quirks::default() }).unwrap();
        let since = "2020-01-01T00:00:00Z".parse().unwrap();
        let read = subject.read(EMPLOYEES, ReadMode::Since(since)).await;
        assert_each_once("all changed since then", &subject.account.records(EMPLOYEES), &read.ids());
    }
}

#[tokio::test]
async fn a_projection_reads_only_what_it_names() {
    let subject = Subject::start(&Variant::VENDOR.harness(), Size::SMALL).await;
    let keys = ["email", "hire_date"].map(str::to_owned).to_vec();
    let request = subject.first(EMPLOYEES, ReadMode::All).with_attributes(Some(keys));
    let page = subject.source().read_page(request).await.unwrap();
    assert_eq!(page.records.len(), 30);
    for record in page.records {
        assert_eq!(record.fields.keys().collect::<Vec<_>>(), ["email", "hire_date"]);
    }
}
