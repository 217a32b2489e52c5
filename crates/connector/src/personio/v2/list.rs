//! A list of version 2, read a page at a time: the first page by a filter, the others by the link of the page before, which
//! carries the filter.

use gangway_domain::record::Stream;
use gangway_egress::{Class, Method, Request};
use serde_json::value::RawValue;

use super::{client::Client, paging::Position, scopes::Area};
use crate::{
    contract::{Checkpoint, Page},
    personio::{client::Failure, envelope::Document, limits::most_items},
};

/// A list.
pub(super) struct List {
    /// The stream that it is read for.
    pub(super) stream: Stream,
    /// What is done with it, for messages.
    pub(super) operation: &'static str,
    /// Where it is.
    pub(super) path: &'static str,
    /// Whose right it needs.
    pub(super) area: Area,
    /// It is not there unless it is asked for as a beta.
    pub(super) is_beta: bool,
}

/// One page of a list.
pub(super) struct Listed {
    pub(super) document: Document,
    /// Where the next page starts; none at the end.
    pub(super) next: Option<Checkpoint>,
    operation: &'static str,
    most: usize,
}

impl List {
    /// Reads the page at a checkpoint, or the first one of what the filter lets through.
    pub(super) async fn page(
        &self,
        client: &Client,
        checkpoint: Option<&Checkpoint>,
        class: Class,
        limit: u32,
        filter: Vec<(String, String)>,
    ) -> Result<Listed, Failure> {
        let Self { stream, operation, path, area, is_beta } = *self;
        let position = match checkpoint {
            Some(checkpoint) => Position::resume(checkpoint, stream, path, operation)?,
            None => Position::start(stream, path),
        };
        let mut get = Request::new(Method::Get, path, path, class);
        get.query = match position.query() {
            Some(query) => query.to_vec(),
            None => std::iter::once(("limit".to_owned(), limit.to_string())).chain(filter).collect(),
        };
        if is_beta {
            get.headers.push(("beta", "true".to_owned()));
        }
        let document = client.get(operation, area, get).await?;
        let next = client.next(operation, &position, &document)?;
        let next = next.map(|next| Checkpoint::pack(operation, &next)).transpose()?;
        Ok(Listed { document, next, operation, most: most_items(limit) })
    }

    /// Asks for one item, to see whether the list can be read.
    pub(super) async fn probe(
        &self,
        client: &Client,
        class: Class,
        filter: Vec<(String, String)>,
    ) -> Result<(), Failure> {
        self.page(client, None, class, 1, filter).await?.items().map(drop)
    }
}

impl Listed {
    /// The items, still borrowed.
    pub(super) fn items(&self) -> Result<Vec<&RawValue>, Failure> {
        Ok(self.document.items(self.most).map_err(|unlisted| unlisted.into_error(self.operation))?)
    }

    /// A page without records yet.
    pub(super) fn empty_page(&self) -> Page {
        Page { done: self.next.is_none(), next: self.next.clone(), ..Page::default() }
    }
}
