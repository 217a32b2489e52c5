//! How often a key, and somebody without one, may ask; and the headers that say so.
//!
//! The headers are `RateLimit-Policy` and `RateLimit` as in the IETF draft `draft-ietf-httpapi-ratelimit-headers-10`.
//! A key that was good in this window is known by its hash, so that one that asks too often is refused before it is looked
//! up. Strangers are counted by address, after they were refused: a client whose key is known goes on, whoever else asks from its address.

use std::{
    net::{IpAddr, Ipv6Addr},
    time::Duration,
};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use gangway_app::{
    inbound::{Callers, Quota, Standing},
    keys::Fingerprint,
};
use gangway_domain::Code;
use gangway_metrics::http::QUOTA_REFUSALS;

use crate::problem::Problem;

/// How often who may ask; none for no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quotas {
    /// Each key of a tenant.
    pub key: Option<Quota>,
    /// Each operator's key.
    pub operator_key: Option<Quota>,
    /// Each address that sends requests without a good key.
    pub address: Option<Quota>,
}

impl Quotas {
    /// Nobody is limited.
    pub const NONE: Self = Self { key: None, operator_key: None, address: None };
}

impl Default for Quotas {
    fn default() -> Self {
        let a_minute = |requests| Some(Quota { requests, window: Duration::from_mins(1) });
        Self { key: a_minute(1_200), operator_key: a_minute(6_000), address: a_minute(300) }
    }
}

/// Where who sent a request stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told {
    policy: &'static str,
    standing: Standing,
}

/// Who has asked how often.
pub(crate) struct Limiter {
    keys: Callers<Fingerprint>,
    operator_keys: Callers<Fingerprint>,
    addresses: Callers<IpAddr>,
}

/// Whose key it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Tenant,
    Operator,
}

/// What a limit answers: where the sender stands, and whether it may go on.
pub(crate) type Counted = (Option<Told>, Result<(), Problem>);

impl Limiter {
    pub(crate) fn new(quotas: &Quotas) -> Self {
        let Quotas { key, operator_key, address } = *quotas;
        Self { keys: Callers::new(key), operator_keys: Callers::new(operator_key), addresses: Callers::new(address) }
    }

    /// Before a key is looked up: refuses one that was good and has asked too often, and one that nobody knows from an address
    /// that has sent too many of those.
    pub(crate) fn admit(&self, key: &Fingerprint, address: IpAddr) -> Counted {
        for callers in [&self.keys, &self.operator_keys] {
            if let Some(standing) = callers.find_exhausted(key) {
                return refused("key", standing);
            }
            if callers.knows(key) {
                return (None, Ok(()));
            }
        }
        match self.addresses.find_exhausted(&network(address)) {
            Some(standing) => refused("address", standing),
            None => (None, Ok(())),
        }
    }

    /// Counts a request with a good key.
    pub(crate) fn count_key(&self, key: Fingerprint, side: Side) -> Counted {
        let callers = match side {
            Side::Tenant => &self.keys,
            Side::Operator => &self.operator_keys,
        };
        counted("key", callers.take(key))
    }

    /// Counts a request without a good key.
    pub(crate) fn count_stranger(&self, address: IpAddr) -> Counted {
        counted("address", self.addresses.take(network(address)))
    }

    /// A key that is not good any more.
    pub(crate) fn forget(&self, key: &Fingerprint) {
        self.keys.forget(key);
        self.operator_keys.forget(key);
    }
}

fn counted(policy: &'static str, outcome: Result<Option<Standing>, Standing>) -> Counted {
    match outcome {
        Ok(standing) => (standing.map(|standing| Told { policy, standing }), Ok(())),
        Err(standing) => refused(policy, standing),
    }
}

fn refused(policy: &'static str, standing: Standing) -> Counted {
    QUOTA_REFUSALS.add(1, [policy]);
    let Quota { requests, window } = standing.quota;
    let whose = if policy == "key" { "This key" } else { "Whoever asks from this address without a good key" };
    let detail = format!(
        "{whose} may ask {requests} times in {} seconds. Ask again after the time in `Retry-After`.",
        window.as_secs()
    );
    let mut problem = Problem::new(Code::RateLimited, detail);
    // Never at once: a moment from now would be refused again.
    problem.retry_after = Some(standing.resets_in.max(Duration::from_millis(1)));
    (Some(Told { policy, standing }), Err(problem))
}

/// One customer's IPv6 addresses are a network of 64 bits; who has one has them all.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address @ IpAddr::V4(_) => address,
    }
}

/// Says in an answer where its receiver stands.
pub(crate) fn tell(headers: &mut HeaderMap, told: Told) {
    let Told { policy, standing: Standing { quota, remaining, resets_in } } = told;
    let mut set = |name: &'static str, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    let seconds = resets_in.as_millis().div_ceil(1000);
    set("ratelimit-policy", format!("\"{policy}\";q={};w={}", quota.requests, quota.window.as_secs()));
    set("ratelimit", format!("\"{policy}\";r={remaining};t={seconds}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_ipv6_network_are_one_caller() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }

    #[test]
    fn a_known_key_is_not_held_up_by_strangers_at_its_address() {
        let quota = |requests| Some(Quota { requests, window: Duration::from_mins(1) });
        let limiter = Limiter::new(&Quotas { key: quota(9), operator_key: quota(1), address: quota(1) });
        let address = "192.0.2.1".parse().unwrap();
        let (good, other) = ([1; 32], [2; 32]);
        assert!(limiter.count_key(good, Side::Tenant).1.is_ok());
        assert!(limiter.count_stranger(address).1.is_ok() && limiter.count_stranger(address).1.is_err());
        assert!(limiter.admit(&good, address).1.is_ok());
        assert_eq!(limiter.admit(&other, address).1.unwrap_err().code, Code::RateLimited);
        limiter.forget(&good);
        assert!(limiter.admit(&good, address).1.is_err());
    }
}
