//! Every instrument there is, by what it looks at.

pub mod database;
pub mod http;
pub mod jobs;
pub mod process;
pub mod syncs;
pub mod vendor;

use crate::{definition::Label, instrument::Described};

/// Instruments of one file, and the list of them.
macro_rules! instruments {
    ($( $(#[$doc:meta])* $name:ident : $kind:ident < $n:literal > = $definition:expr; )*) => {
        $( $(#[$doc])* pub static $name: crate::instrument::$kind<$n> = crate::instrument::$kind::new($definition); )*

        /// All of them.
        pub(super) static ALL: &[&dyn crate::instrument::Described] = &[ $( &$name ),* ];
    };
}
use instruments;

/// A part of the catalogue.
pub struct Part {
    /// Its heading.
    pub title: &'static str,
    /// Its instruments.
    pub instruments: &'static [&'static dyn Described],
}

impl std::fmt::Debug for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Part").field("title", &self.title).finish_non_exhaustive()
    }
}

/// All parts, in the order of the document.
pub fn parts() -> [Part; 6] {
    [
        Part { title: "Requests to our API", instruments: http::ALL },
        Part { title: "Calls to vendors and their budgets", instruments: vendor::ALL },
        Part { title: "Syncs, records and connections", instruments: syncs::ALL },
        Part { title: "Jobs", instruments: jobs::ALL },
        Part { title: "The database and what lies in it", instruments: database::ALL },
        Part { title: "The process", instruments: process::ALL },
    ]
}

/// Every instrument.
pub fn all() -> impl Iterator<Item = &'static dyn Described> {
    parts().into_iter().flat_map(|part| part.instruments.iter().copied())
}

pub(crate) const METHODS: &[&str] =
    &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE", crate::bounded::OTHER];

const METHOD: Label = Label::listed("http.request.method", METHODS);
const STATUS: Label = Label::named(
    "http.response.status_code",
    "the status, `other` for one that is not registered, `none` when there was no answer",
);
const STREAM: Label = Label::listed("stream", &["employees", "absences", "attendances"]);
