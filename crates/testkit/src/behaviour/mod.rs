//! The behaviour suite: what every connector must do, tried against an emulator of its vendor.
//!
//! A connector's tests bring an [`Emulator`]: it starts an emulated account and knows, independently of the connector, what
//! lies in it (the oracle). [`run`] then tries the cases that the connector's abilities imply: one file per ability, each a
//! list of plain functions that panic with the account's and the record's name. Requests take the real way out (egress
//! client, vendor budget, token store); only the clock is a [`ManualClock`](gangway_domain::ManualClock), so that pauses and
//! the life of tokens cost no time. The suite must not know any vendor: what only one does is tested beside its emulator.

mod absence_target;
mod account;
mod attendance_target;
mod check;
mod compare;
mod deletion;
mod discovery;
mod drift;
mod faults;
mod picture;
mod proxy;
mod receiver;
mod since;
mod source;
mod subject;
mod target;
mod tokens;
mod webhooks;
mod windowed;

pub use account::{Account, Emulator, Expected, Failure, Pictures, Size, Traffic};
pub use compare::{assert_each_once, assert_same_values};
pub use receiver::{Received, Receiver};
pub use subject::{Pace, Read, Subject, client, connect};

use std::collections::BTreeMap;

use gangway_connector::Values;
use gangway_domain::record::Stream;
use serde_json::Value;

/// A connector on trial.
pub struct Harness {
    /// Names the variant in failures.
    pub name: String,
    /// The emulated vendor.
    pub emulator: Box<dyn Emulator>,
}

impl Harness {
    /// A connector on trial against this emulator.
    pub fn new(name: impl Into<String>, emulator: impl Emulator + 'static) -> Self {
        Self { name: name.into(), emulator: Box::new(emulator) }
    }

    /// The streams of the connector's manifest.
    fn streams(&self) -> Vec<Stream> {
        self.emulator.connector().manifest().streams.iter().map(|stream| stream.stream).collect()
    }
}

/// Tries every case that the connector's abilities imply.
pub async fn run(harness: &Harness) {
    let abilities = Subject::start(harness, Size::SMALL).await;
    let has_discovery = abilities.connection.discovery().is_some();
    let has_source = abilities.connection.source().is_some();
    let has_target = abilities.connection.target().is_some();
    let has_absence_target = abilities.connection.absence_target().is_some();
    let has_attendance_target = abilities.connection.attendance_target().is_some();
    let has_webhooks = abilities.connection.webhooks().is_some();
    let has_notices = harness.emulator.connector().notices().is_some();
    let has_proxy = abilities.connection.proxy().is_some();
    drop(abilities);

    check::run(harness).await;
    if has_discovery {
        discovery::run(harness).await;
    }
    if has_notices {
        webhooks::by_hand(harness);
    }
    if has_webhooks {
        Box::pin(webhooks::run(harness)).await;
    }
    if has_proxy {
        proxy::run(harness).await;
    }
    if has_target {
        Box::pin(target::run(harness)).await;
    }
    if has_absence_target {
        Box::pin(absence_target::run(harness)).await;
    }
    if has_attendance_target {
        Box::pin(attendance_target::run(harness)).await;
    }
    if has_source {
        Box::pin(run_source(harness)).await;
    }
}

async fn run_source(harness: &Harness) {
    source::run(harness).await;
    tokens::run(harness).await;
    faults::run(harness).await;
    drift::run(harness).await;
    picture::run(harness).await;
    for promised in harness.emulator.connector().manifest().streams {
        if promised.windowed {
            windowed::run(harness, promised.stream).await;
        }
        if promised.supports_since {
            since::run(harness, promised.stream).await;
        }
        if promised.confirms_deletion {
            deletion::run(harness, promised.stream).await;
        }
    }
}

/// Canonical fields to write.
fn values(fields: &Value) -> Values {
    let fields = fields.as_object().expect("an object").clone();
    Values { fields: fields.into_iter().collect(), attributes: BTreeMap::new() }
}
