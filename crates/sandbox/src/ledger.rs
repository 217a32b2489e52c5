//! What was asked: counts per route and status, and the last requests with their times. Never a value of a person.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, Utc};
use serde::Serialize;

/// How many single requests are kept.
const KEPT: usize = 20_000;

/// One request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// When it was answered.
    pub at: DateTime<Utc>,
    /// Its method.
    pub method: String,
    /// Its path with ids replaced.
    pub route: &'static str,
    /// The answer's status.
    pub status: u16,
    /// The place of the credential in the configuration, when the request was let in.
    pub credential: Option<usize>,
    /// Its `limit` parameter.
    pub limit: Option<u64>,
    /// Its `offset` parameter.
    pub offset: Option<u64>,
}

/// The requests for one route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RouteCount {
    /// The method.
    pub method: String,
    /// The path with ids replaced.
    pub route: &'static str,
    /// All requests.
    pub total: u64,
    /// Requests by the status they got.
    pub by_status: BTreeMap<u16, u64>,
    /// When the first was answered.
    pub first_at: DateTime<Utc>,
    /// When the last was answered.
    pub last_at: DateTime<Utc>,
}

/// The ledger's content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// All requests but those to the admin endpoints.
    pub total: u64,
    /// How many were refused for asking too often.
    pub too_many: u64,
    /// Counts by route.
    pub routes: Vec<RouteCount>,
    /// The last requests, oldest first.
    pub recent: Vec<Entry>,
}

impl Report {
    /// How many requests a route got, any method and status.
    pub fn count(&self, route: &str) -> u64 {
        self.routes.iter().filter(|count| count.route == route).map(|count| count.total).sum()
    }
}

/// The running record.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    counts: BTreeMap<(String, &'static str), RouteCount>,
    recent: VecDeque<Entry>,
}

impl Ledger {
    pub(crate) fn record(&mut self, entry: Entry) {
        let key = (entry.method.clone(), entry.route);
        let count = self.counts.entry(key).or_insert_with(|| RouteCount {
            method: entry.method.clone(),
            route: entry.route,
            total: 0,
            by_status: BTreeMap::new(),
            first_at: entry.at,
            last_at: entry.at,
        });
        count.total += 1;
        count.last_at = entry.at;
        *count.by_status.entry(entry.status).or_default() += 1;
        if self.recent.len() == KEPT {
            self.recent.pop_front();
        }
        self.recent.push_back(entry);
    }

    /// Counts and the last `n` requests.
    pub(crate) fn report(&self, n: usize) -> Report {
        let routes: Vec<_> = self.counts.values().cloned().collect();
        Report {
            total: routes.iter().map(|count| count.total).sum(),
            too_many: routes.iter().filter_map(|count| count.by_status.get(&429)).sum(),
            routes,
            recent: self.recent.iter().skip(self.recent.len().saturating_sub(n)).cloned().collect(),
        }
    }
}
