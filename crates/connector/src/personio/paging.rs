//! Where the next page starts.
//!
//! Employees and attendances count their offset in items; the vendor's time-offs count it in pages, from 1, with 0 as
//! another name of 1 (developer.personio.de and its forum, read 2026-11-23), while systems built after the third-party guide
//! count items everywhere. Sizes asked for are clamped silently, and `metadata` may be missing or wrong. So nothing is
//! believed that the items contradict: offsets advance by items returned, the second page of time-offs is compared with the
//! first to see which way of counting the server follows, and a page of known items only is the end.

use std::collections::HashSet;

use gangway_domain::record::Stream;
use serde::{Deserialize, Serialize};

use super::{envelope::Metadata, limits::most_items};
use crate::contract::{Checkpoint, Error, ErrorKind, Result};

const VERSION: u8 = 1;
/// More pages than any account has: a server that invents items for ever must not keep a run going.
const MAX_PAGES: u32 = 100_000;
/// Sizes at which vendors cut pages: a first page of such a size and nothing after it calls for a second look.
const CUSTOMARY_SIZES: [u64; 3] = [50, 100, 200];

/// A page below every size at which vendors cut is the last one.
pub(super) const SMALLEST_CUT: usize = 50;

/// What an offset counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum CountBy {
    Items,
    Pages,
}

/// The place of the next page, and what is known of the pages before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Position {
    v: u8,
    stream: Stream,
    count_by: CountBy,
    offset: u64,
    limit: u32,
    /// Pages read.
    pages: u32,
    /// Items on them.
    items: u64,
    /// Items on the fullest of them.
    fullest: u64,
    /// How the vendor numbers its first page.
    first_page: u64,
    total: Option<u64>,
    /// Hashes of the last page's ids, in its order: no more than a page may hold, so that checkpoints stay small.
    last: Vec<u64>,
}

/// A page as paging sees it.
#[derive(Debug, Clone)]
pub(super) struct Observed {
    /// Hashes of the ids, in order.
    pub(super) ids: Vec<u64>,
    /// The items have no `attributes` object: the guide's dialect.
    pub(super) is_flat: bool,
    pub(super) metadata: Metadata,
}

/// Which items of a page are new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    All,
    /// Those whose id was not on the page before.
    Unseen,
    None,
}

/// What follows from a page.
#[derive(Debug, Clone)]
pub(super) struct Decision {
    pub(super) keep: Keep,
    /// None at the end.
    pub(super) next: Option<Position>,
    pub(super) total: Option<u64>,
    pub(super) total_changed: bool,
}

impl Position {
    /// The start of a stream.
    pub(super) fn start(stream: Stream, limit: u32) -> Self {
        let count_by = if stream == Stream::Absences { CountBy::Pages } else { CountBy::Items };
        Self {
            v: VERSION,
            stream,
            count_by,
            offset: 0,
            limit,
            pages: 0,
            items: 0,
            fullest: 0,
            first_page: 0,
            total: None,
            last: Vec::new(),
        }
    }

    /// The place a checkpoint names.
    pub(super) fn resume(checkpoint: &Checkpoint, stream: Stream, operation: &'static str) -> Result<Self> {
        let position: Self = checkpoint.unpack(operation)?;
        let refuse = |message| Err(Error::new(ErrorKind::Refused, operation, message));
        if position.v != VERSION {
            return refuse("the checkpoint was made by another version; start the run again");
        }
        if position.stream != stream {
            return refuse("the checkpoint belongs to another stream");
        }
        if position.pages >= MAX_PAGES {
            return refuse("the vendor has sent more pages than any account can have");
        }
        if position.last.len() > most_items(position.limit) {
            return refuse("the checkpoint holds more than a page can; start the run again");
        }
        Ok(position)
    }

    pub(super) fn limit(&self) -> u32 {
        self.limit
    }

    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// The ids of the page before.
    pub(super) fn seen(&self) -> HashSet<u64> {
        self.last.iter().copied().collect()
    }

    /// Decides what follows from the page at this place.
    pub(super) fn advance(&self, page: &Observed) -> Decision {
        let total = page.metadata.total.or(self.total);
        let total_changed = matches!((self.total, page.metadata.total), (Some(before), Some(now)) if before != now);
        let decide = |keep, next| Decision { keep, next, total, total_changed };

        if page.ids.is_empty() {
            return decide(Keep::All, self.second_look(total));
        }
        let seen = self.seen();
        if self.pages > 0 && page.ids.iter().all(|id| seen.contains(id)) {
            let next = self.after_repetition(total);
            // A server that shows one page for ever: what lies behind it was not read, whatever the total says of change.
            let is_short = next.is_none() && total.is_some_and(|total| self.items < total);
            return Decision { total_changed: total_changed || is_short, ..decide(Keep::None, next) };
        }
        if let Some(next) = self.switch_to_items(page, total) {
            return decide(Keep::Unseen, Some(next));
        }
        let next = self.following(page, total);
        let more = next.has_more(page, total);
        decide(Keep::All, more.then_some(next))
    }

    /// An empty second page of time-offs counted in items: the server may count pages after all.
    fn second_look(&self, total: Option<u64>) -> Option<Self> {
        let is_second = self.stream == Stream::Absences && self.pages == 1 && self.count_by == CountBy::Items;
        let may_go_on = match total {
            Some(total) => self.items < total,
            None => self.items == u64::from(self.limit) || CUSTOMARY_SIZES.contains(&self.items),
        };
        (is_second && may_go_on).then(|| Self {
            count_by: CountBy::Pages,
            offset: 2,
            first_page: self.first_page.max(1),
            total,
            ..self.clone()
        })
    }

    /// A repeated page is the end, unless the server numbers its first page 0 in `metadata` yet takes offset 1 for it too.
    fn after_repetition(&self, total: Option<u64>) -> Option<Self> {
        let is_alias = self.count_by == CountBy::Pages && self.pages == 1 && self.offset == 1;
        is_alias.then(|| Self { offset: 2, total, ..self.clone() })
    }

    /// The second page of time-offs, asked for as page `offset`, begins `offset` items into the first one: the server counts
    /// items. What it sent joins the first page without a gap.
    fn switch_to_items(&self, page: &Observed, total: Option<u64>) -> Option<Self> {
        if self.count_by != CountBy::Pages || self.pages != 1 {
            return None;
        }
        let shift = usize::try_from(self.offset).ok()?;
        let tail = self.last.get(shift..).filter(|tail| !tail.is_empty())?;
        if page.ids.get(..tail.len())? != tail {
            return None;
        }
        let read = self.offset.saturating_add(count(&page.ids));
        Some(Self {
            count_by: CountBy::Items,
            offset: read,
            items: read,
            pages: 2,
            fullest: self.fullest.max(count(&page.ids)),
            total,
            last: page.ids.clone(),
            ..self.clone()
        })
    }

    fn following(&self, page: &Observed, total: Option<u64>) -> Self {
        let n = count(&page.ids);
        let is_first = self.pages == 0;
        let count_by = if is_first && page.is_flat { CountBy::Items } else { self.count_by };
        let first_page = match page.metadata.current_page {
            Some(number @ 0..=1) if is_first => number,
            _ if is_first => u64::from(count_by == CountBy::Pages),
            _ => self.first_page,
        };
        let offset = match count_by {
            CountBy::Items => self.offset.saturating_add(n),
            // The first page was asked for as 0, so that a server that counts items starts at its beginning.
            CountBy::Pages if is_first => first_page + 1,
            CountBy::Pages => self.offset.saturating_add(1),
        };
        Self {
            count_by,
            offset,
            pages: self.pages.saturating_add(1),
            items: self.items.saturating_add(n),
            fullest: self.fullest.max(n),
            first_page,
            total,
            last: page.ids.clone(),
            ..self.clone()
        }
    }

    /// Whether a page follows. The end is believed only when nothing speaks against it.
    fn has_more(&self, page: &Observed, total: Option<u64>) -> bool {
        let by_total = total.map(|total| self.items < total);
        let by_pages = match (page.metadata.current_page, page.metadata.total_pages) {
            (Some(current), Some(pages)) => Some(current.saturating_sub(self.first_page).saturating_add(1) < pages),
            _ => None,
        };
        match (by_total, by_pages) {
            (None, None) => {
                // Employees are clamped to sizes that changed over the years: only an empty page ends them.
                self.stream == Stream::Employees || self.pages == 1 || count(&page.ids) >= self.fullest
            }
            (by_total, by_pages) => by_total.unwrap_or(false) || by_pages.unwrap_or(false),
        }
    }
}

fn count(ids: &[u64]) -> u64 {
    u64::try_from(ids.len()).unwrap_or(u64::MAX)
}

/// FNV-1a: the same in every build, unlike the standard library's hasher.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
