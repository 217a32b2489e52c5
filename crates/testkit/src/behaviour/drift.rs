//! People who come and go between pages. Whoever was there all the time must not be lost unnoticed.

use std::collections::BTreeSet;

use gangway_connector::ReadMode;
use gangway_domain::record::Stream;

use super::{Harness, account::Size, compare::assert_each_once, subject::Subject};

pub(super) async fn run(harness: &Harness) {
    for stream in harness.streams() {
        nobody_is_lost_unnoticed(harness, stream, Happening::Removed).await;
        nobody_is_lost_unnoticed(harness, stream, Happening::Added).await;
    }
}

/// What happens after the first page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Happening {
    /// The first record of the first page goes, and everything behind it moves up.
    Removed,
    /// A record is added behind the last one.
    Added,
}

async fn nobody_is_lost_unnoticed(harness: &Harness, stream: Stream, happening: Happening) {
    let subject = Subject::start(harness, Size::PAGES).await;
    let context = format!("{}: {}: {happening:?}", subject.name, stream.as_str());
    let ids = |subject: &Subject| -> BTreeSet<String> {
        subject.account.records(stream).into_iter().map(|record| record.id).collect()
    };
    let before = ids(&subject);
    let page = subject.first_page(stream).await.unwrap_or_else(|error| panic!("{context}: {error:?}"));
    let first = page.records.first().expect("the account is not empty").external.id.clone();
    let request = subject.first(stream, ReadMode::All);
    let read = subject
        .read_from(request, |n_pages| match happening {
            Happening::Removed if n_pages == 1 => subject.account.remove(stream, &first),
            Happening::Added if n_pages == 1 => drop(subject.account.add(stream)),
            _ => {}
        })
        .await;
    let read_ids = read.ids();
    let seen: BTreeSet<String> = read_ids.iter().cloned().collect();
    assert_eq!(seen.len(), read_ids.len(), "{context}: somebody was read twice");
    let after = ids(&subject);
    let lost: Vec<_> = before.intersection(&after).filter(|id| !seen.contains(*id)).collect();
    if subject.account.tells_totals(stream) {
        assert!(read.total_changed, "{context}: the vendor's total changed");
    } else if happening == Happening::Added {
        assert!(lost.is_empty(), "{context}: lost {lost:?}");
    }

    let again = subject.read(stream, ReadMode::All).await;
    assert!(!again.total_changed, "{context}: the second read is undisturbed");
    assert_each_once(&context, &subject.account.records(stream), &again.ids());
}
