//! Where the next page of version 2 starts: the query of its link, which holds the cursor and nothing that we may look into.
//!
//! The link is the vendor's word and leads where it likes. Only its query is taken, and only when the rest is the address
//! that was asked: a request with a token goes nowhere else. A cursor that comes again is told by Brent's way of finding a
//! cycle, which remembers one of them, so that checkpoints stay small.

use gangway_domain::record::Stream;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::{
    contract::{Checkpoint, Error, ErrorKind, Result},
    personio::{
        envelope::Document,
        json::{Shape, is_empty, member, members, shape, text},
        paging::hash,
    },
};

const VERSION: u8 = 1;
/// More pages than any account has: a server that invents pages for ever must not keep a run going.
const MAX_PAGES: u32 = 100_000;
/// Longest link: a cursor holds a place and a filter.
const LONGEST_LINK: usize = 8 * 1024;
const MOST_PARAMETERS: usize = 50;

/// The place of the next page, and what is known of the cursors before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::personio) struct Position {
    v: u8,
    api: ApiVersion,
    /// None where it is the list of something else.
    stream: Option<Stream>,
    path: String,
    /// The link's query; none for the first page.
    query: Vec<(String, String)>,
    /// Pages read.
    pages: u32,
    /// Hash of the cursor that is remembered.
    remembered: Option<u64>,
}

/// Tells its checkpoints from those of version 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ApiVersion {
    V2,
}

impl Position {
    /// The start of a list.
    pub(in crate::personio) fn start(stream: impl Into<Option<Stream>>, path: &str) -> Self {
        let (stream, path, query) = (stream.into(), path.to_owned(), Vec::new());
        Self { v: VERSION, api: ApiVersion::V2, stream, path, query, pages: 0, remembered: None }
    }

    /// Whether a checkpoint is one of this version of the API, which says nothing about its soundness.
    pub(in crate::personio) fn made(checkpoint: &Checkpoint) -> bool {
        #[derive(Deserialize)]
        struct Mark {
            #[serde(rename = "api")]
            _api: ApiVersion,
        }
        checkpoint.unpack::<Mark>("read").is_ok()
    }

    /// The place a checkpoint names.
    pub(in crate::personio) fn resume(
        checkpoint: &Checkpoint,
        stream: impl Into<Option<Stream>>,
        path: &str,
        operation: &'static str,
    ) -> Result<Self> {
        let position: Self = checkpoint.unpack(operation)?;
        let stream: Option<Stream> = stream.into();
        let refuse = |message| Err(Error::new(ErrorKind::Refused, operation, message));
        if position.v != VERSION {
            return refuse("the checkpoint was made by another version; start the run again");
        }
        if position.stream != stream || position.path != path {
            return refuse("the checkpoint belongs to another stream");
        }
        if position.pages >= MAX_PAGES {
            return refuse("the vendor has sent more pages than any account can have");
        }
        if position.pages == 0 || !position.query.iter().any(|(name, _)| name == "cursor") {
            return refuse("the checkpoint holds no cursor; start the run again");
        }
        Ok(position)
    }

    /// The query of a page after the first.
    pub(in crate::personio) fn query(&self) -> Option<&[(String, String)]> {
        (self.pages > 0).then_some(self.query.as_slice())
    }

    /// Where the page after this answer starts; none at the end.
    pub(super) fn next(&self, operation: &'static str, base_url: &Url, document: &Document) -> Result<Option<Self>> {
        let refuse = |message: &str| Error::new(ErrorKind::Protocol, operation, message);
        let Some(href) = next_link(document).map_err(refuse)? else { return Ok(None) };
        let query = follow(base_url, &self.path, &href).map_err(refuse)?;
        let cursor = query.iter().find(|(name, value)| name == "cursor" && !value.is_empty());
        let cursor = cursor.map(|(_, value)| hash(value.as_bytes())).ok_or_else(|| refuse(WITHOUT_CURSOR))?;
        let pages = self.pages.saturating_add(1);
        // What is remembered is renewed at every power of two, so it comes again in any cycle once it is as old as that is long.
        let is_renewed = pages.is_power_of_two();
        let last = self.query.iter().find(|(name, _)| name == "cursor").map(|(_, value)| hash(value.as_bytes()));
        if self.remembered == Some(cursor) || last == Some(cursor) {
            return Err(refuse(
                "the link to the next page leads back to one that was read already, so the list has no end",
            ));
        }
        let remembered = if is_renewed { Some(cursor) } else { self.remembered };
        Ok(Some(Self { query, pages, remembered, ..self.clone() }))
    }
}

const ELSEWHERE: &str = "the link to the next page leads to another address than the one that was asked, and the credential is \
                         not sent there";
const WITHOUT_CURSOR: &str = "the link to the next page holds no cursor";

/// `_meta.links.next.href`; absent and empty are the end.
fn next_link(document: &Document) -> Result<Option<String>, &'static str> {
    const UNREADABLE: &str = "the link to the next page cannot be read";
    let mut here = document.root().map_err(|_| UNREADABLE)?;
    for key in ["_meta", "links", "next"] {
        let outline = members(here).map_err(|_| UNREADABLE)?;
        match member(&outline, key).filter(|raw| !is_empty(raw)) {
            Some(inner) => here = inner,
            None => return Ok(None),
        }
    }
    let href = match shape(here) {
        Shape::Text => here,
        _ => match member(&members(here).map_err(|_| UNREADABLE)?, "href").filter(|raw| !is_empty(raw)) {
            Some(href) => href,
            None => return Ok(None),
        },
    };
    match text(href) {
        Ok(href) if href.len() <= LONGEST_LINK => Ok(Some(href)),
        _ => Err(UNREADABLE),
    }
}

/// The query of a link, whose address must be the one that was asked. Until 2025-09-15 links of attendances were relative.
fn follow(base_url: &Url, path: &str, href: &str) -> Result<Vec<(String, String)>, &'static str> {
    let mut asked = base_url.clone();
    asked.set_path(&format!("{}{path}", base_url.path().trim_end_matches('/')));
    let link = asked.join(href).map_err(|_| ELSEWHERE)?;
    let has_login = !link.username().is_empty() || link.password().is_some();
    if link.origin() != asked.origin() || link.path() != asked.path() || has_login {
        return Err(ELSEWHERE);
    }
    let query: Vec<_> =
        link.query_pairs().take(MOST_PARAMETERS + 1).map(|(name, value)| (name.into(), value.into())).collect();
    if query.len() > MOST_PARAMETERS { Err("the link to the next page has too many parameters") } else { Ok(query) }
}
