//! Streams of which only a range of days can be read.

use chrono::{Days, NaiveDate};
use gangway_connector::{ErrorKind, ReadMode, ReadPage};
use gangway_domain::{record::Stream, sync::Window};
use gangway_egress::Class;

use super::{
    Harness,
    account::{Expected, Size},
    compare::assert_each_once,
    subject::Subject,
};

pub(super) async fn run(harness: &Harness, stream: Stream) {
    needs_a_range_of_days(harness, stream).await;
    reads_what_touches_the_days_and_nothing_else(harness, stream).await;
}

async fn needs_a_range_of_days(harness: &Harness, stream: Stream) {
    let subject = Subject::start(harness, Size::SMALL).await;
    let error = subject.source().read_page(ReadPage::new(stream, ReadMode::All, Class::Sweep)).await.err();
    assert_eq!(error.map(|error| error.kind), Some(ErrorKind::Refused), "{}: {}", subject.name, stream.as_str());
    assert_eq!(subject.account.traffic().total, 0, "{}: nothing is asked", subject.name);
}

async fn reads_what_touches_the_days_and_nothing_else(harness: &Harness, stream: Stream) {
    let subject = Subject::start(harness, Size { people: 40, absences_each: 4, attendances_each: 8 }).await;
    let all = subject.account.records(stream);
    let whole = subject.account.window();
    let first = all.iter().filter_map(|record| record.days).map(|(from, _)| from).min().unwrap_or(whole.from);
    let last = all.iter().filter_map(|record| record.days).map(|(_, to)| to).max().unwrap_or(whole.to);
    let middle = days_after(first, (last - first).num_days() / 2);
    for window in [
        Window { from: whole.from, to: middle },
        Window { from: days_after(middle, 1), to: whole.to },
        Window { from: middle, to: middle },
        Window { from: first, to: first },
        Window { from: last, to: last },
        Window { from: days_after(last, 1), to: days_after(last, 30) },
    ] {
        let context = format!("{}: {}: {} to {}", subject.name, stream.as_str(), window.from, window.to);
        let expected: Vec<Expected> = all.iter().filter(|record| touches(record, window)).cloned().collect();
        let request = subject.first(stream, ReadMode::All).with_window(Some(window));
        let read = subject.read_from(request, |_| {}).await;
        assert_each_once(&context, &expected, &read.ids());
    }
}

fn touches(record: &Expected, window: Window) -> bool {
    record.days.is_some_and(|(from, to)| from <= window.to && to >= window.from)
}

fn days_after(day: NaiveDate, n: i64) -> NaiveDate {
    day.checked_add_days(Days::new(n.unsigned_abs())).unwrap_or(day)
}
