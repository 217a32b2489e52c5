//! What is measured of every request, also of one whose client went away.
//!
//! A request that reached no operation has no route here: methods, routes and refusals combined would be more series than are
//! kept, for any stranger who tries them all, and what is new then would go unseen.

use std::time::Instant;

use actix_web::{dev::ServiceRequest, http::StatusCode};
use gangway_metrics::{
    Entered, bounded,
    http::{ACTIVE, REQUESTS},
};

/// No value: no operation was reached, or there was no answer.
const NONE: &str = "none";

/// A request under way; it is counted when this is dropped.
pub(super) struct Measured {
    begun: Instant,
    method: &'static str,
    route: &'static str,
    status: &'static str,
    _active: Entered<1>,
}

impl Measured {
    pub(super) fn begin(request: &ServiceRequest) -> Self {
        let method = bounded::method(request.method().as_str());
        // The template: what a stranger writes into a path is not in it.
        let route = request.match_pattern().map_or(NONE, |route| bounded::text(&route));
        Self { begun: Instant::now(), method, route, status: NONE, _active: ACTIVE.enter([method]) }
    }

    pub(super) fn answered(&mut self, status: StatusCode) {
        self.status = bounded::status(status.as_u16());
        if status == StatusCode::METHOD_NOT_ALLOWED {
            self.route = NONE;
        }
    }

    /// It was refused before its operation was looked for.
    pub(super) fn refused(&mut self) {
        self.route = NONE;
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        REQUESTS.record(self.begun.elapsed(), [self.method, self.route, self.status]);
    }
}
