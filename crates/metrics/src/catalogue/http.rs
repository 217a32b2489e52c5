//! Requests to our API.

use super::{METHOD, STATUS, instruments};
use crate::definition::{Definition, Label, Unit};

instruments! {
    /// Requests by route.
    REQUESTS: Histogram<3> = Definition {
        name: "http.server.request.duration",
        unit: Unit::Seconds,
        about: "From the last byte of a request's head to the first of its answer; its count is the number of requests",
        look: "a growing share of 5xx is our fault: look the problem's `request_id` up in the log",
        labels: [METHOD, Label::named("http.route", "a route's template, or `none` for what reached no operation: an unknown path or method, nobody known, or a head that was refused"), STATUS],
    };
    /// Requests under way.
    ACTIVE: Level<1> = Definition {
        name: "http.server.active_requests",
        unit: Unit::Of("{request}"),
        about: "Requests that wait for the head of their answer",
        look: "grows without end when the database does not keep up",
        labels: [METHOD],
    };
    /// Problems by code.
    PROBLEMS: Counter<1> = Definition {
        name: "gangway.api.problems",
        unit: Unit::Of("{problem}"),
        about: "Problems that were answered, by code",
        look: "the code's page says what it means and what to do: see [errors](errors.md)",
        labels: [Label::named("code", "a code of [errors](errors.md)")],
    };
    /// Quotas that were used up.
    QUOTA_REFUSALS: Counter<1> = Definition {
        name: "gangway.api.quota.refusals",
        unit: Unit::Of("{request}"),
        about: "Requests that were refused because a quota was used up",
        look: "`key`: a client polls too often; `address`: somebody tries keys",
        labels: [Label::listed("quota", &["key", "address"])],
    };
}
