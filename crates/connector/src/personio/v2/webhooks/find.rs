//! Our webhooks among all of a company: those that lead to the address the host made.

use std::fmt;

use gangway_domain::record::Stream;
use gangway_egress::{Class, Method, Request};
use secrecy::{ExposeSecret, SecretString};
use serde_json::value::RawValue;
use url::Url;

use super::{AREA, Client, LIST};
use crate::{
    contract::{Error, ErrorKind, Result},
    personio::{
        json::{member, members, text},
        limits::most_items,
        source::plain_id,
        v2::{call::About, paging::Position},
        value,
    },
};

/// The vendor's largest page.
const PAGE_SIZE: u32 = 200;
/// No company has more webhooks than fit on these.
const MOST_PAGES: usize = 10;

/// An address of ours. It is what lets a stranger in, so it is never printed.
pub(super) struct Address(Url);

impl Address {
    pub(super) fn read(url: &SecretString) -> Option<Self> {
        Url::parse(url.expose_secret()).ok().map(Self)
    }

    pub(super) fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether a text is this address in any spelling.
    fn is(&self, text: &str) -> bool {
        Url::parse(text).is_ok_and(|url| url == self.0)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address")
    }
}

/// The ids of the webhooks that lead to an address.
pub(super) async fn own(client: &Client, about: &About, address: &Address, class: Class) -> Result<Vec<String>> {
    let operation = about.operation;
    let mut ids = Vec::new();
    let mut position = Position::start(None::<Stream>, LIST);
    for _ in 0..MOST_PAGES {
        let mut list = Request::new(Method::Get, LIST, LIST, class);
        list.query = match position.query() {
            Some(query) => query.to_vec(),
            None => vec![("limit".to_owned(), PAGE_SIZE.to_string())],
        };
        let listed = client.get(operation, AREA, list).await;
        let document = listed.map_err(|failure| explain(about, failure.into()))?;
        let items = document.items(most_items(PAGE_SIZE)).map_err(|unlisted| unlisted.into_error(operation))?;
        ids.extend(items.into_iter().filter_map(|item| id_of(item, address)));
        match client.next(operation, &position, &document)? {
            Some(next) => position = next,
            None => return Ok(ids),
        }
    }
    Err(Error::new(ErrorKind::Protocol, operation, "Personio's list of webhooks does not end"))
}

fn explain(about: &About, error: Error) -> Error {
    match error.kind {
        ErrorKind::Forbidden => Error::new(error.kind, about.operation, about.missing_right).with_source(error),
        // The API itself is not there.
        ErrorKind::NotFound | ErrorKind::Unsupported => {
            let message = "Personio offers no webhooks at this address; set the webhook up by hand";
            Error::new(ErrorKind::Unsupported, about.operation, message).with_source(error)
        }
        _ => error,
    }
}

/// The id of a webhook, if it leads to the address and the id can go into a path.
fn id_of(item: &RawValue, address: &Address) -> Option<String> {
    let members = members(item).ok()?;
    let url = text(member(&members, "url")?).ok()?;
    if !address.is(&url) {
        return None;
    }
    let id = value::id(member(&members, "id")?).ok().flatten()?;
    plain_id(&id, "find a webhook").is_ok().then_some(id)
}
