//! What a connector's tests bring: an emulated account with an oracle and hands that change it.

use std::{collections::BTreeMap, pin::Pin, sync::Arc};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use gangway_connector::AnyConnector;
use gangway_domain::{
    Clock,
    record::{Fields, Stream},
    schema::DiscoveredAttribute,
    sync::Window,
};
use secrecy::SecretString;
use serde_json::Value;

/// Starts emulated accounts of one vendor, in one of its variants.
pub trait Emulator: Send + Sync {
    /// The connector on trial.
    fn connector(&self) -> Arc<dyn AnyConnector>;

    /// A fresh account. Called inside a Tokio runtime; the account ends when dropped.
    fn start(&self, size: Size, clock: Arc<dyn Clock>) -> Box<dyn Account>;
}

/// How much lies in an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Employees.
    pub people: usize,
    /// Absences of each.
    pub absences_each: usize,
    /// Attendances of each.
    pub attendances_each: usize,
}

impl Size {
    /// Enough for one page of everything.
    pub const SMALL: Self = Self { people: 30, absences_each: 2, attendances_each: 3 };
    /// Several pages of every stream.
    pub const PAGES: Self = Self { people: 250, absences_each: 2, attendances_each: 2 };
}

/// An emulated account: the oracle's view of it, and the hands that change it.
pub trait Account: Send + Sync {
    /// The connection's config, which leads to the emulator.
    fn config(&self) -> Value;
    /// The connection's credential.
    fn credential(&self) -> SecretString;
    /// A credential that is not accepted.
    fn wrong_credential(&self) -> SecretString;

    /// Everything that can be read of a stream.
    fn records(&self, stream: Stream) -> Vec<Expected>;
    /// What discovery must find, in the vendor's order.
    fn attributes(&self) -> Vec<DiscoveredAttribute>;
    /// Days that hold every absence and attendance.
    fn window(&self) -> Window;
    /// The requests so far.
    fn traffic(&self) -> Traffic;
    /// Whose picture can be read.
    fn pictures(&self) -> Pictures;

    /// Whether the vendor has its own list of attributes.
    fn lists_attributes(&self) -> bool {
        true
    }
    /// Whether a list says how many records there are.
    fn tells_totals(&self, _stream: Stream) -> bool {
        true
    }
    /// How many logins it takes to read every stream: one for each API of the vendor that has tokens of its own.
    fn n_logins(&self) -> u64 {
        1
    }
    /// How many requests it takes to read that many records on that many pages, logins apart, by a connection that has read nothing
    /// of the stream before.
    fn n_requests(&self, _stream: Stream, n_pages: usize, _n_records: usize) -> u64 {
        n_pages as u64
    }
    /// How much earlier than the moment asked for the changes begin that the vendor tells: its times may have no zone.
    fn reaches_back(&self, _stream: Stream) -> TimeDelta {
        TimeDelta::zero()
    }
    /// Whether a single record of a stream can be asked for.
    fn reads_single(&self, _stream: Stream) -> bool {
        true
    }
    /// Whether the end of a stream was announced, so that every 404 on its list is taken for it.
    fn may_have_ended(&self, _stream: Stream) -> bool {
        false
    }
    /// Whether several requests may be under way with one token.
    fn takes_parallel_requests(&self) -> bool {
        true
    }

    /// An attribute of the company's own that can be written, with a value for it.
    fn own_attribute(&self) -> Option<(String, Value)> {
        None
    }
    /// The fields that a new employee must have.
    fn required_of_new_employees(&self) -> &'static [&'static str] {
        &["email", "first_name", "last_name"]
    }
    /// Whether the account has the API that a path to be passed through belongs to.
    fn has_path(&self, _template: &str) -> bool {
        true
    }
    /// A type of absence that somebody must approve.
    fn type_with_approval(&self) -> Option<String> {
        None
    }
    /// Takes the right to write from the credential.
    fn forbid_writes(&self) {}
    /// Lets the connection break within the answer to the next creation in a stream, whose record is there then.
    fn cut_next_creation(&self, _stream: Stream) {}

    /// Sends the webhooks that are due, and ends when they were answered. Nothing is sent in between.
    fn send_webhooks(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {})
    }

    /// Adds a record and returns its id.
    fn add(&self, stream: Stream) -> String;
    /// Changes a record visibly.
    fn change(&self, stream: Stream, id: &str);
    /// Removes a record.
    fn remove(&self, stream: Stream, id: &str);
    /// Ends the life of every token.
    fn expire_tokens(&self);
    /// Lets the next request for a list, or anything below it, fail.
    fn fail_next(&self, stream: Stream, failure: &Failure<'_>);
    /// Takes the right to read an attribute from the credential.
    fn hide(&self, key: &str);
    /// Takes the right to list attributes from the credential.
    fn forbid_discovery(&self);
}

/// An answer to give instead of the right one.
#[derive(Debug, Clone, Copy)]
pub struct Failure<'a> {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: &'a str,
    /// `Retry-After` in seconds.
    pub retry_after_s: Option<u32>,
}

/// A record as the oracle knows it, in canonical words.
#[derive(Debug, Clone, PartialEq)]
pub struct Expected {
    /// The vendor's id.
    pub id: String,
    /// Exactly the canonical fields that the vendor sends.
    pub fields: Fields,
    /// Exactly the attributes that the vendor sends.
    pub attributes: BTreeMap<String, Value>,
    /// Fields with a reference whose name the vendor leaves out at times.
    pub maybe_nameless: &'static [&'static str],
    /// Whose it is.
    pub employee: Option<String>,
    /// The days it covers.
    pub days: Option<(NaiveDate, NaiveDate)>,
    /// When it last changed.
    pub changed_at: DateTime<Utc>,
    /// Whether the vendor tells its changes when asked for changes only.
    pub tells_changes: bool,
}

/// The requests an account has had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traffic {
    /// All.
    pub total: u64,
    /// Those for a token.
    pub authentications: u64,
    /// Those refused for their token.
    pub denied: u64,
    /// Those refused as too many.
    pub too_many: u64,
}

/// Whose picture can be read; none when the size of the account left nobody so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pictures {
    /// Somebody with a picture.
    pub with: Option<String>,
    /// Somebody without.
    pub without: Option<String>,
}
