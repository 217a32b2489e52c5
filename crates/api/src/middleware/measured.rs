//! What is measured of every request, also of one whose client went away.

use std::time::Instant;

use actix_web::{dev::ServiceRequest, http::StatusCode};
use gangway_metrics::{
    Entered, bounded,
    http::{ACTIVE, REQUESTS},
};

/// No value: the path is no route, or there was no answer.
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
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        REQUESTS.record(self.begun.elapsed(), [self.method, self.route, self.status]);
    }
}
