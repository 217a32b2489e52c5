//! Syncs, what they bring, and the health of connections.

use super::{STREAM, instruments};
use crate::definition::{Definition, Label, Unit};

/// How a run ends.
const RUN_STATE: Label = Label::listed("state", &["completed", "failed", "held"]);

instruments! {
    /// Runs that ended.
    RUNS: Histogram<2> = Definition {
        name: "gangway.sync.run.duration",
        unit: Unit::Seconds,
        about: "From the start of a run to its end, pauses included; its count is the number of runs that ended",
        look: "`failed`: the run's `error_message` says what to do; `held`: deletions wait for a human",
        labels: [STREAM, RUN_STATE],
    };
    /// Pages.
    PAGES: Counter<1> = Definition {
        name: "gangway.sync.pages",
        unit: Unit::Of("{page}"),
        about: "Pages of a vendor that were committed",
        look: "no pages for long, though runs are under way: the vendor or the budget holds them up",
        labels: [STREAM],
    };
    /// Records by what became of them.
    RECORDS: Counter<2> = Definition {
        name: "gangway.sync.records",
        unit: Unit::Of("{record}"),
        about: "Records that were read or found gone, by what became of them",
        look: "`quarantined` grows: a vendor sends what we cannot read; `deleted` jumps: look at the run",
        labels: [STREAM, Label::listed("outcome", &["created", "updated", "unchanged", "quarantined", "deleted"])],
    };
    /// Runs under way.
    RUNNING: Gauge<1> = Definition {
        name: "gangway.sync.runs.running",
        unit: Unit::Of("{run}"),
        about: "Runs under way, in the whole database",
        look: "",
        labels: [STREAM],
    };
    /// The oldest of them.
    OLDEST_RUNNING: Gauge<1> = Definition {
        name: "gangway.sync.runs.oldest",
        unit: Unit::Seconds,
        about: "How long ago the oldest run under way was made",
        look: "above a day: a vendor or a budget holds it up; `GET /v1/jobs` of that tenant says why",
        labels: [STREAM],
    };
    /// Syncs that nobody started.
    OVERDUE: Gauge<0> = Definition {
        name: "gangway.syncs.overdue",
        unit: Unit::Of("{sync}"),
        about: "Syncs whose time came more than five minutes ago and that were not started (1,000 stands for more)",
        look: "above zero: no worker ticks; see `gangway_schedule_ticks_total`",
        labels: [],
    };
    /// Held batches.
    HELD: Gauge<0> = Definition {
        name: "gangway.sync.held",
        unit: Unit::Of("{batch}"),
        about: "Batches of deletions that wait for a human",
        look: "`GET /v1/syncs/{id}/held` shows them to their tenant",
        labels: [],
    };
    /// The oldest of them.
    OLDEST_HELD: Gauge<0> = Definition {
        name: "gangway.sync.held.oldest",
        unit: Unit::Seconds,
        about: "How long the oldest batch of deletions has waited",
        look: "above some days: remind the tenant; nothing is deleted meanwhile",
        labels: [],
    };
    /// Connections by state.
    CONNECTIONS: Gauge<1> = Definition {
        name: "gangway.connections",
        unit: Unit::Of("{connection}"),
        about: "Connections by state",
        look: "many `failed` or `degraded` at once: the vendor has trouble, or a release of ours",
        labels: [Label::listed("state", &["unchecked", "active", "degraded", "failed"])],
    };
    /// Connections that rest.
    PAUSED: Gauge<0> = Definition {
        name: "gangway.connections.paused",
        unit: Unit::Of("{connection}"),
        about: "Connections whose scheduled runs rest after failures",
        look: "their `state_reason` says what to do; `POST …/resume` ends a pause",
        labels: [],
    };
    /// Events.
    EVENTS: Counter<1> = Definition {
        name: "gangway.events",
        unit: Unit::Of("{event}"),
        about: "Facts appended to the tenants' logs, by type",
        look: "`sync.failed`, `connection.degraded`: tell the tenant; the types are in [events](events.md)",
        labels: [Label::named("type", "a type of [events](events.md)")],
    };
}
