//! What a webhook was told of in the last 30 days, whether it arrived or not.

use chrono::{DateTime, SecondsFormat, Utc};
use gangway_domain::record::Stream;
use gangway_egress::{Method, Request};

use super::{AREA, Client, about, path};
use crate::{
    contract::{Checkpoint, Missed, ReadMissed, Result},
    personio::{limits::most_items, notice, v2::paging::Position},
};

const TEMPLATE: &str = "/v2/webhooks/{id}/events";
const PAGE_SIZE: u32 = 200;
const OPERATION: &str = "read missed events";

/// Reads one page.
pub(super) async fn read(client: &Client, request: ReadMissed) -> Result<Missed> {
    let ReadMissed { id, from, to, checkpoint, class } = request;
    let path = path(&id, "/events", &about(OPERATION))?;
    let position = match &checkpoint {
        Some(checkpoint) => Position::resume(checkpoint, None::<Stream>, &path, OPERATION)?,
        None => Position::start(None::<Stream>, &path),
    };
    let mut list = Request::new(Method::Get, TEMPLATE, path, class);
    list.query = match position.query() {
        // The cursor carries the filter.
        Some(query) => query.to_vec(),
        None => vec![
            ("limit".to_owned(), PAGE_SIZE.to_string()),
            ("occurred_at.gte".to_owned(), time(from)),
            ("occurred_at.lte".to_owned(), time(to)),
        ],
    };
    let document = client.get(OPERATION, AREA, list).await?;
    let items = document.items(most_items(PAGE_SIZE)).map_err(|unlisted| unlisted.into_error(OPERATION))?;
    let next = client.next(OPERATION, &position, &document)?;
    let next = next.map(|next| Checkpoint::pack(OPERATION, &next)).transpose()?;
    Ok(Missed { notices: items.into_iter().map(notice::read).collect(), next })
}

/// As the vendor's reference writes a time.
pub(super) fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}
