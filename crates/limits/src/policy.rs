//! What a vendor allows, as numbers: from the connector's manifest, changed by the operator's configuration.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// So many requests in so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// Requests per window.
    pub limit: u32,
    /// The window, in milliseconds on the wire.
    #[serde(rename = "window_ms", with = "milliseconds")]
    pub window: Duration,
}

impl Limit {
    /// So many requests in so long.
    pub const fn new(limit: u32, window: Duration) -> Self {
        Self { limit, window }
    }

    /// What one of `n_processes` may take when they can't count together. Where a limit is smaller than their number, each takes
    /// one in a longer window.
    #[must_use]
    pub fn share(self, n_processes: u32) -> Self {
        let (limit, n) = (self.limit.max(1), n_processes.max(1));
        match limit / n {
            0 => Self::new(1, self.window.saturating_mul(n.div_ceil(limit))),
            share => Self::new(share, self.window),
        }
    }
}

/// A limit on one route template, on top of the credential's ceiling. A template may have several, of different windows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathLimit {
    /// Route template with ids replaced, as in the request (`/v1/company/employees`).
    pub template: String,
    /// Requests per window.
    pub limit: u32,
    /// The window, in milliseconds on the wire.
    #[serde(rename = "window_ms", with = "milliseconds")]
    pub window: Duration,
}

impl PathLimit {
    /// So many requests to `template` in so long.
    pub fn new(template: impl Into<String>, limit: u32, window: Duration) -> Self {
        Self { template: template.into(), limit, window }
    }
}

/// The limits of one vendor credential. Zeros are read as one: a budget that never opens helps nobody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Requests per window for the whole credential.
    pub ceiling: u32,
    /// The ceiling's window, in milliseconds on the wire.
    #[serde(rename = "window_ms", with = "milliseconds")]
    pub window: Duration,
    /// Spreads all but interactive calls at window ÷ limit.
    pub pacing: bool,
    /// Requests on their way at once, authentication apart.
    pub max_in_flight: u32,
    /// Limits of single paths, inside the ceiling.
    pub paths: Vec<PathLimit>,
    /// The limit of authentication requests, beside the ceiling rather than inside it.
    pub authentication: Limit,
    /// What the vendor allows to our own address, over all credentials at the same host; none = not limited.
    pub address: Option<Limit>,
}

impl Policy {
    /// What one of `n_processes` may do when they can't count together.
    #[must_use]
    pub fn share(&self, n_processes: u32) -> Self {
        let Self { ceiling, window, pacing, max_in_flight, paths, authentication, address } = self;
        let whole = Limit::new(*ceiling, *window).share(n_processes);
        let path = |path: &PathLimit| {
            let Limit { limit, window } = Limit::new(path.limit, path.window).share(n_processes);
            PathLimit::new(path.template.clone(), limit, window)
        };
        Self {
            ceiling: whole.limit,
            window: whole.window,
            pacing: *pacing,
            max_in_flight: (max_in_flight / n_processes.max(1)).max(1),
            paths: paths.iter().map(path).collect(),
            authentication: authentication.share(n_processes),
            address: address.map(|limit| limit.share(n_processes)),
        }
    }

    /// The longest of its windows.
    pub(crate) fn longest_window(&self) -> Duration {
        let own = [self.window, self.authentication.window].into_iter().chain(self.address.map(|limit| limit.window));
        own.chain(self.paths.iter().map(|path| path.window)).max().unwrap_or_default()
    }
}

impl Default for Policy {
    fn default() -> Self {
        let minute = Duration::from_mins(1);
        Self {
            ceiling: 200,
            window: minute,
            pacing: true,
            max_in_flight: 32,
            paths: Vec::new(),
            authentication: Limit::new(60, minute),
            address: Some(Limit::new(2000, minute)),
        }
    }
}

mod milliseconds {
    //! Durations as whole milliseconds.

    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survives_json_with_units_in_the_names() {
        let policy = Policy {
            paths: vec![PathLimit::new("/v1/company/employees", 15, Duration::from_secs(1))],
            ..Policy::default()
        };
        let json = serde_json::to_value(&policy).unwrap();
        assert_eq!(json["window_ms"], 60_000);
        assert_eq!(json["paths"][0]["window_ms"], 1000);
        assert_eq!(serde_json::from_value::<Policy>(json).unwrap(), policy);
    }

    #[test]
    fn shares_never_add_up_to_more_than_the_limit() {
        let second = Duration::from_secs(1);
        assert_eq!(Limit::new(200, second).share(3), Limit::new(66, second));
        assert_eq!(Limit::new(2, second).share(3), Limit::new(1, second * 2));
        assert_eq!(Limit::new(1, second).share(3), Limit::new(1, second * 3));
        assert_eq!(Limit::new(0, second).share(0), Limit::new(1, second));
    }

    #[test]
    fn refuses_a_misspelt_setting() {
        assert!(serde_json::from_str::<Policy>(r#"{"cieling": 300}"#).is_err());
    }
}
