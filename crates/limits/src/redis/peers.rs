//! The processes that count together, as this one has seen them.

use std::{collections::HashMap, time::Duration};

use tokio::time::Instant;

/// Who was seen is remembered for so long: a store may be lost together with one that was there lately.
const REMEMBERED: Duration = Duration::from_mins(2);

/// The highest number of processes of late.
#[derive(Debug)]
struct Peak {
    n_processes: u32,
    at: Instant,
}

/// All of them, this process too.
#[derive(Debug, Default)]
pub(super) struct Peers {
    living: Vec<String>,
    seen: HashMap<String, Instant>,
    peak: Option<Peak>,
}

impl Peers {
    /// Notes who lives; answers how many do.
    pub(super) fn note(&mut self, living: Vec<String>, now: Instant) -> u32 {
        let n_processes = u32::try_from(living.len()).unwrap_or(u32::MAX).max(1);
        if self.peak.as_ref().is_none_or(|peak| n_processes >= peak.n_processes || now - peak.at > REMEMBERED) {
            self.peak = Some(Peak { n_processes, at: now });
        }
        self.seen.extend(living.iter().map(|process| (process.clone(), now)));
        self.seen.retain(|_, at| now - *at <= REMEMBERED);
        self.living = living;
        n_processes
    }

    /// Those who lived when anybody was last asked.
    pub(super) fn living(&self) -> &[String] {
        &self.living
    }

    /// All that were seen of late.
    pub(super) fn of_late(&self) -> Vec<&str> {
        self.seen.keys().map(String::as_str).collect()
    }

    /// By how many the limits are divided; none when nobody could be asked yet.
    pub(super) fn highest(&self) -> Option<u32> {
        self.peak.as_ref().map(|peak| peak.n_processes)
    }
}
