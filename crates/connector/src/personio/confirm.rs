//! Is a 404 on one absence the word that it is gone, or is there no such endpoint?
//!
//! Systems built after the third-party guide have no `GET /v1/company/time-offs/{id}` and answer 404 to all of them, in the
//! same envelope. Believing that would delete absences that are there. So the first 404 of a connection is checked against
//! an absence that the list shows; when that one is "not found" too, the endpoint proves nothing.

use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{Days, NaiveDate};
use gangway_domain::{record::Stream, sync::Window};
use gangway_egress::{Class, Method, Request};

use super::{
    client::Client,
    item::Item,
    limits::most_items,
    source::{ONE_ABSENCE_TEMPLATE, add_window, bare_list, plain_id},
    v2,
};
use crate::contract::{Error, ErrorKind, ReadOne, Result, Retry};

const OPERATION: &str = "confirm that an absence is gone";
/// Far enough to find an absence if there is any.
const DAYS_EACH_WAY: u64 = 3_650;

/// Whether single reads of absences are known to work on this connection.
#[derive(Debug, Default)]
pub(super) struct SingleReads(AtomicBool);

impl SingleReads {
    /// Notes that one worked.
    pub(super) fn work(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Makes sure that a 404 on absence `id` can be believed.
    pub(super) async fn believe_absent(&self, client: &Client, id: &str, class: Class) -> Result<()> {
        if self.0.load(Ordering::Relaxed) {
            return Ok(());
        }
        let mut list = bare_list(Stream::Absences, 1, 0, class);
        add_window(&mut list, wide_window(client.now().date_naive()));
        let document = match client.json(OPERATION, list).await {
            Ok(document) => document,
            // Where the whole list is gone, nothing is said about this one.
            Err(failure) if matches!(failure.error.kind, ErrorKind::NotFound | ErrorKind::Unsupported) => {
                return Err(no_single_reads());
            }
            Err(failure) => return Err(failure.into()),
        };
        let unreadable =
            |message: String| Error::new(ErrorKind::Protocol, OPERATION, message).with_retry(Retry::Backoff);
        let items = document.items(most_items(1)).map_err(|unlisted| unlisted.into_error(OPERATION))?;
        // An account without any absence says by its list that this one is gone.
        let Some(first) = items.first() else { return Ok(()) };
        let known = Item::open(first).and_then(|item| item.id()).map_err(|bad| unreadable(bad.reason))?;
        if known == id {
            return Err(no_single_reads());
        }
        let path = ONE_ABSENCE_TEMPLATE.replace("{id}", plain_id(&known, OPERATION)?);
        match client.json(OPERATION, Request::new(Method::Get, ONE_ABSENCE_TEMPLATE, path, class)).await {
            Ok(_) => {
                self.work();
                Ok(())
            }
            Err(failure) if failure.error.kind == ErrorKind::NotFound => Err(no_single_reads()),
            Err(failure) => Err(failure.into()),
        }
    }

    /// The same in version 2.
    pub(super) async fn believe_absent_in_v2(&self, client: &v2::Client, request: &ReadOne) -> Result<()> {
        if self.0.load(Ordering::Relaxed) {
            return Ok(());
        }
        let Some(known) = v2::absence::any(client, request.class).await? else { return Ok(()) };
        let is_same = known.eq_ignore_ascii_case(&request.external_id);
        if is_same || v2::absence::read_one(client, &known, request.class).await?.is_none() {
            return Err(no_single_reads());
        }
        self.work();
        Ok(())
    }
}

fn no_single_reads() -> Error {
    Error::new(
        ErrorKind::Unsupported,
        OPERATION,
        "this system cannot be asked for a single absence, so nothing is confirmed",
    )
}

fn wide_window(today: NaiveDate) -> Window {
    let days = Days::new(DAYS_EACH_WAY);
    Window { from: today.checked_sub_days(days).unwrap_or(today), to: today.checked_add_days(days).unwrap_or(today) }
}
