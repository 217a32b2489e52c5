//! The kinds of absence an account knows (paid vacation, sick leave): a short list beside the streams.

use gangway_domain::record::ExternalId;
use gangway_egress::Class;
use serde::Serialize;

use super::{checkpoint::Checkpoint, source::BadRecord};

/// Asks for one page of absence types.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ReadAbsenceTypes {
    /// Where the page starts; none for the first.
    pub checkpoint: Option<Checkpoint>,
    /// The version of [`Source::api_versions`](super::Source::api_versions) that absences are held from, to be asked first; none for
    /// the first of them.
    pub api_version: Option<String>,
    /// Priority of the call.
    pub class: Class,
}

impl ReadAbsenceTypes {
    /// The first page.
    pub fn new(class: Class) -> Self {
        Self { checkpoint: None, api_version: None, class }
    }

    /// Sets where the page starts.
    pub fn with_checkpoint(mut self, checkpoint: Option<Checkpoint>) -> Self {
        self.checkpoint = checkpoint;
        self
    }

    /// Sets the version to ask first.
    pub fn with_api_version(mut self, version: Option<String>) -> Self {
        self.api_version = version;
        self
    }
}

/// One page of absence types.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct AbsenceTypes {
    /// Those that could be read.
    pub types: Vec<AbsenceType>,
    /// Those that could not.
    pub bad: Vec<BadRecord>,
    /// Where the next page starts; none at the end.
    pub next: Option<Checkpoint>,
}

/// A kind of absence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AbsenceType {
    /// Its name in the vendor's account; absences refer to it.
    pub external: ExternalId,
    /// Its names in other id spaces.
    pub also: Vec<ExternalId>,
    /// What people call it.
    pub name: Option<String>,
    /// The vendor's category, which is the same in every account (`paid_vacation`).
    pub category: Option<String>,
    /// What it is counted in (`day`, `hour`).
    pub unit: Option<String>,
    /// Whether somebody must approve it.
    pub approval_required: Option<bool>,
}

impl AbsenceType {
    /// A kind of absence of which nothing but the id is known.
    pub fn new(external: ExternalId) -> Self {
        Self { external, also: Vec::new(), name: None, category: None, unit: None, approval_required: None }
    }
}
