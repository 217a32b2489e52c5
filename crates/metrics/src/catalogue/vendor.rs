//! Calls to vendors, and the budgets that they draw on.

use super::{METHOD, STATUS, instruments};
use crate::definition::{Definition, Label, Unit};

const CLASS: Label =
    Label::listed("budget.class", &["interactive", "flow", "webhook-follow-up", "incremental", "sweep"]);

instruments! {
    /// Calls to vendors.
    REQUESTS: Histogram<4> = Definition {
        name: "http.client.request.duration",
        unit: Unit::Seconds,
        about: "A call to a vendor, without its wait for the budget; its count is the number of calls",
        look: "slow or 5xx: the vendor's status page; `error.type` says why there was no answer",
        labels: [
            METHOD,
            Label::named("http.route", "a template of the connector's"),
            STATUS,
            Label::listed("error.type", &[
                "none", "refused", "connect", "timed_out", "broken", "too_large", "rate_limited", "invalid",
            ]),
        ],
    };
    /// Waits for a slot.
    BUDGET_WAIT: Histogram<1> = Definition {
        name: "gangway.budget.wait.duration",
        unit: Unit::Seconds,
        about: "How long a call waited for a slot of its vendor budget",
        look: "`interactive` above a second: the budget is too small for what is asked of it",
        labels: [CLASS],
    };
    /// Who counts.
    BUDGET_PROCESSES: Gauge<0> = Definition {
        name: "gangway.budget.processes",
        unit: Unit::Of("{process}"),
        about: "Processes that count vendor budgets together with this one, itself included; 1 where it counts in its memory",
        look: "0: Redis is away, and each process takes its share of each limit until it is back",
        labels: [],
    };
    /// Calls that were put off.
    BUDGET_POSTPONED: Counter<1> = Definition {
        name: "gangway.budget.postponed",
        unit: Unit::Of("{request}"),
        about: "Calls that were not sent because no slot was near; their job goes on later",
        look: "all the time: syncs are scheduled more often than the vendor's limit carries",
        labels: [CLASS],
    };
    /// 429 of vendors.
    REFUSALS: Counter<1> = Definition {
        name: "gangway.vendor.refusals",
        unit: Unit::Of("{request}"),
        about: "Calls that a vendor answered with 429",
        look: "should be zero: somebody else uses the same credential, or `limits.*` is set above what the vendor grants",
        labels: [CLASS],
    };
    /// Logins.
    LOGINS: Counter<1> = Definition {
        name: "gangway.vendor.logins",
        unit: Unit::Of("{login}"),
        about: "Times a token was asked for with a credential",
        look: "`failed`: a credential was revoked; the connection's reason says which",
        labels: [Label::listed("outcome", &["granted", "failed"])],
    };
}
