//! The place a run has come to, kept as text in the run's row and committed with each page.

use gangway_domain::sync::SyncRun;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Error, Result};

/// How often a stream is read again because its total changed while it was read.
const MAX_PASSES: u8 = 2;

/// Where a run stands between two pages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    /// Which reading of the stream this is, from 1.
    pub(super) pass: u8,
    /// The vendor's total changed during this pass: records may have moved between pages.
    pub(super) drifted: bool,
    /// Every page was read.
    pub(super) done: bool,
    /// The connector's own place; none at the start.
    pub(super) next: Option<String>,
    /// Version of the tenant's choice of attributes that every page so far was kept by; empty when they differ.
    pub(super) selection: String,
    /// The run reads some of the stream's days only.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_part: bool,
    /// Keyed hash of the attributes that the account listed when the run began; none where there is no list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) offered: Option<String>,
    /// What single reads said so far about records that a full run did not see; none before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) confirming: Option<Confirming>,
    /// The version of the vendor's API that the run reads through; none before the first page, and where the vendor has but one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) api_version: Option<String>,
    /// The stream goes over to that version with this run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) rebase: Option<Rebase>,
}

/// What a stream that goes over to another version of the vendor's API comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Rebase {
    /// The version before; `mixed` when a run before this one did not come to its end.
    pub(super) from: String,
    /// Records that others took the place of, so far.
    pub(super) n_replaced: i64,
}

/// How far the single reads have come. They take longer than a turn, so each turn goes on where the one before stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Confirming {
    /// How many records were present when they began.
    pub(super) n_present: i64,
    /// The last record asked for; they are asked for in order of their ids.
    pub(super) after: Option<Uuid>,
    /// How many are gone or hidden. As many as a human need not look at, and one, at most; which they are is in the table of
    /// findings.
    pub(super) n_found: u64,
    /// A record that the run has seen could be read by itself, so a refusal is about the record.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) others_are_shown: bool,
    /// The findings are believed, and are being carried out: nothing is asked for any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_believed: bool,
}

impl Confirming {
    /// Before the first single read.
    pub(super) const fn start(n_present: i64) -> Self {
        Self { n_present, after: None, n_found: 0, others_are_shown: false, is_believed: false }
    }
}

impl Place {
    /// Before the first page.
    pub(super) fn start(selection: &str) -> Self {
        Self {
            pass: 1,
            drifted: false,
            done: false,
            next: None,
            selection: selection.to_owned(),
            is_part: false,
            offered: None,
            confirming: None,
            api_version: None,
            rebase: None,
        }
    }

    /// Whether pages were read.
    pub(super) const fn has_pages(&self) -> bool {
        self.pass > 1 || self.done || self.next.is_some()
    }

    /// Whether a run reads, or read, some of its stream's days only. It keeps to what it began with, whatever the tenant sets
    /// meanwhile.
    pub(super) fn reads_part(run: &SyncRun) -> bool {
        match &run.checkpoint {
            Some(_) => Self::parse(run.checkpoint.as_deref()).is_ok_and(|place| place.is_part),
            // Only who wants some of the days names them before the run begins.
            None => run.window.is_some(),
        }
    }

    /// Reads the stored text.
    pub(super) fn parse(text: Option<&str>) -> Result<Self> {
        let text = text.ok_or_else(|| Error::internal("a run that has begun stands nowhere"))?;
        serde_json::from_str(text).map_err(Error::internal)
    }

    /// The text to store.
    pub(super) fn to_text(&self) -> Result<String> {
        serde_json::to_string(self).map_err(Error::internal)
    }

    /// Notes the choice of attributes that a page was kept by.
    pub(super) fn note_selection(&mut self, version: &str) {
        if self.selection != version {
            self.selection.clear();
        }
    }

    /// The place after a page.
    pub(super) fn after_page(&self, total_changed: bool, next: Option<String>) -> Self {
        let drifted = self.drifted || total_changed;
        match next {
            Some(next) => Self { drifted, next: Some(next), ..self.clone() },
            None if drifted && self.pass < MAX_PASSES => {
                Self { pass: self.pass + 1, drifted: false, next: None, ..self.clone() }
            }
            None => Self { drifted, done: true, next: None, ..self.clone() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survives_its_text() {
        let mut place = Place::start("7").after_page(true, Some("{\"offset\":200}".into()));
        assert_eq!(Place::parse(Some(&place.to_text().unwrap())).unwrap(), place);
        let after = Some(Uuid::nil());
        place.confirming = Some(Confirming { after, n_found: 1, others_are_shown: true, ..Confirming::start(9) });
        assert_eq!(Place::parse(Some(&place.to_text().unwrap())).unwrap(), place);
        assert!(Place::parse(None).is_err());
        assert!(Place::parse(Some("{")).is_err());
    }

    #[test]
    fn a_choice_taken_back_between_pages_is_not_forgotten() {
        let mut place = Place::start("7");
        place.note_selection("7");
        assert_eq!(place.selection, "7");
        place.note_selection("8");
        place.note_selection("7");
        assert_eq!(place.selection, "");
    }

    #[test]
    fn a_changed_total_leads_to_one_more_pass_and_no_third() {
        let again = Place::start("7").after_page(false, Some("a".into())).after_page(true, None);
        assert_eq!(again, Place { pass: 2, ..Place::start("7") });
        let done = again.after_page(true, None);
        assert!(done.done && done.drifted);
        assert!(Place::start("7").after_page(false, None).done);
    }
}
