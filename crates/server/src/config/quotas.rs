//! How often keys and strangers may ask us (`api.…`).

use std::time::Duration;

use gangway_api::{Quota, Quotas};

use super::{range, reader::Reader};

/// Requests in a window at most: more would be no limit.
const MOST: u32 = 10_000_000;

/// Reads the section.
pub(super) fn quotas(reader: &mut Reader<'_>) -> Quotas {
    let usual = Quotas::default();
    let window = Duration::from_secs(range(reader, "api.window_seconds", 60, 1, 3600));
    let mut quota = |name: &str, usual: Option<Quota>| {
        let usual = usual.map_or(0, |quota| quota.requests);
        let requests = range(reader, name, usual, 0, MOST);
        (requests > 0).then_some(Quota { requests, window })
    };
    Quotas {
        key: quota("api.key_requests", usual.key),
        operator_key: quota("api.operator_key_requests", usual.operator_key),
        address: quota("api.address_requests", usual.address),
    }
}
