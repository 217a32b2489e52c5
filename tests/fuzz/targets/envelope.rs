//! Answers of a vendor: pages of the three streams, single records, kinds of absence, pictures.

use chrono::NaiveDate;
use gangway_connector::{
    Checkpoint, Page, ReadAbsenceTypes, ReadMode, ReadOne, ReadPage, ReadPicture, Source, SourceRecord,
};
use gangway_domain::{record::Stream, sync::Window};
use gangway_egress::Class;

use super::{
    Target, texts,
    vendor::{Account, assert_discreet, now, personio, status},
    way,
};

pub(super) const TARGET: Target = Target { name: "envelope", seeds, run };

/// The first byte says what is asked, the second one with which status it is answered.
fn seeds() -> Vec<Vec<u8>> {
    let bodies = [
        r#"{"success":true,"data":[{"type":"Employee","attributes":{"id":{"label":"ID","value":7,"type":"integer"},"first_name":{"label":"First name","value":"Ida"},"email":{"value":"ida@example.org"},"status":{"value":"active"},"hire_date":{"value":"2024-01-01T00:00:00+01:00","type":"date"},"office":{"value":{"type":"Office","attributes":{"id":1,"name":"Berlin"}}},"supervisor":{"value":{"type":"Employee","attributes":{"id":{"value":3}}}},"cost_centers":{"value":[{"type":"CostCenter","attributes":{"id":2,"name":"Ops","percentage":100}}]},"weekly_working_hours":{"value":"38.5"},"dynamic_1":{"label":"Shirt","value":"L","type":"list"},"dynamic_2":{"label":"Tags","value":"a,b","type":"tags"}}}],"metadata":{"total_elements":1,"current_page":0,"total_pages":1},"offset":"0","limit":"100"}"#,
        r#"{"success":true,"data":{"type":"Employee","attributes":{"id":{"value":7},"id_v2":{"value":"6d1a"}}}}"#,
        r#"{"success":true,"data":[{"type":"TimeOffPeriod","attributes":{"id":5,"status":"approved","start_date":"2026-01-02T00:00:00+0100","end_date":"2026-01-03T00:00:00+01:00","days_count":1.5,"half_day_start":0,"half_day_end":1,"time_off_type":{"type":"TimeOffType","attributes":{"id":1,"name":"Holiday","category":"paid_vacation"}},"employee":{"type":"Employee","attributes":{"id":{"value":7}}}}}]}"#,
        r#"{"success":true,"metadata":{"total_elements":9,"current_page":1,"total_pages":3},"data":[{"id":9,"type":"AttendancePeriod","attributes":{"employee":7,"date":"2026-03-02","start_time":"09:00","end_time":null,"break":30,"comment":"x","is_holiday":false,"status":"confirmed","project":null}}]}"#,
        r#"{"success":true,"data":[{"type":"TimeOffType","attributes":{"id":1,"name":"Holiday","category":null,"unit":"day","approval_required":true}}]}"#,
        r#"[{"id":1,"employee_id":7,"date":"2026-03-02"},{"id":"2"}]"#,
        r#"{"success":false,"error":{"code":404,"message":"Es ist ein Problem aufgetreten ","error_data":{"a":["b"]}}}"#,
        r#"{"0":{"type":"Employee","attributes":{"id":{"value":1}}},"1":{"type":"Employee","attributes":{"id":{"value":1}}}}"#,
    ];
    let mut seeds = texts(&bodies);
    for (place, seed) in seeds.iter_mut().enumerate() {
        let kind = u8::try_from(place % 6).unwrap_or_default();
        seed.splice(0..0, [b'a' + kind, b'A']);
    }
    seeds
}

fn run(input: &[u8]) -> u64 {
    let (kind, number, body) = match input {
        [kind, number, body @ ..] => (*kind, *number, body),
        _ => (0, 0, input),
    };
    let account = Account::get();
    let content_type = if kind % 6 == 5 { "image/png" } else { "application/json" };
    account.answers(status(number), content_type, body);
    let source = account.connection.source().expect("Personio reads records");
    match kind % 6 {
        0 => page(source, Stream::Employees, body, number),
        1 => one(source, body),
        2 => page(source, Stream::Absences, body, number),
        3 => page(source, Stream::Attendances, body, number),
        4 => match now(source.read_absence_types(ReadAbsenceTypes::new(Class::Interactive))) {
            Ok(types) => way((4, types.types.len())),
            Err(error) => refused(4, &error),
        },
        _ => match now(source.read_picture(ReadPicture::new("7", 64, Class::Interactive))) {
            Ok(picture) => way((5, picture.is_some())),
            Err(error) => refused(5, &error),
        },
    }
}

fn page(source: &dyn Source, stream: Stream, body: &[u8], number: u8) -> u64 {
    let day = |text: &str| text.parse::<NaiveDate>().expect("a day");
    let window = (stream != Stream::Employees).then(|| Window { from: day("2026-01-01"), to: day("2026-12-31") });
    let mut request = ReadPage::new(stream, ReadMode::All, Class::Sweep).with_window(window);
    // Some pages follow one that was read.
    if number % 4 == 1
        && let Ok(Page { next: Some(next), .. }) = now(source.read_page(request.clone()))
    {
        request = request.with_checkpoint(Some(Checkpoint::from_stored(next.into_string())));
    }
    match now(source.read_page(request)) {
        Ok(page) => {
            assert!(page.done == page.next.is_none(), "a page says both that it is the last and what follows");
            let n_bytes: usize = page.records.iter().map(|record| record.raw.len()).sum();
            let n_bad: usize = page.bad.iter().map(|bad| bad.raw.len()).sum();
            assert!(n_bytes + n_bad <= most(body), "more bytes of records than the answer has");
            for record in &page.records {
                check(stream, record);
            }
            let mut reasons: Vec<&str> = page.bad.iter().map(|bad| bad.reason.as_str()).collect();
            for reason in &reasons {
                assert_discreet(reason);
            }
            reasons.sort_unstable();
            reasons.dedup();
            let fields: Vec<usize> = page.records.iter().map(|record| record.fields.len()).collect();
            way((stream.as_str(), fields, reasons, page.done, page.total_changed, page.total.is_some()))
        }
        Err(error) => refused(stream as u8, &error),
    }
}

/// Bytes that can come of a body: a letter in a foreign encoding becomes U+FFFD, which has three.
const fn most(body: &[u8]) -> usize {
    body.len() * 3
}

fn check(stream: Stream, record: &SourceRecord) {
    assert!(!record.external.id.is_empty() && !record.external.id.contains('\0'), "{:?}", record.external);
    for span in &record.spans {
        assert!(record.raw.get(span.range.clone()).is_some(), "{span:?} lies outside of the record's bytes");
    }
    // What was read once can be read again, from its own bytes.
    let again = personio().read_stored(stream, &record.external, record.raw.clone());
    let again = again.unwrap_or_else(|error| panic!("{error}: bytes that were read cannot be read again"));
    assert_eq!((&again.external, &again.fields), (&record.external, &record.fields), "read again it is another");
}

fn one(source: &dyn Source, body: &[u8]) -> u64 {
    match now(source.read_one(ReadOne::new(Stream::Employees, "7", Class::Interactive))) {
        Ok(Some(record)) => {
            assert!(record.raw.len() <= most(body));
            check(Stream::Employees, &record);
            way((1, record.fields.len(), record.attributes.len()))
        }
        Ok(None) => way((1, "none")),
        Err(error) => refused(1, &error),
    }
}

fn refused(kind: u8, error: &gangway_connector::Error) -> u64 {
    assert_discreet(&format!("{error} {error:?}"));
    way((kind, format!("{:?}", error.kind), &error.message))
}
