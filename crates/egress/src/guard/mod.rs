//! Where we may connect: HTTPS to public addresses, unless an operator listed the origin.
//!
//! The guard decides; [`crate::client`] asks it before sending (addresses written as such) and the resolver asks it when a
//! name is resolved, so a name can't point elsewhere between check and connect.

mod address;
mod origin;

use std::net::IpAddr;

use url::Host;

pub use address::is_public;
pub use origin::{Origin, OriginError, Scheme};

/// Why a destination is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Plain HTTP.
    #[error("only https is allowed; an operator can allow this origin in connector.allowed_origins")]
    NotHttps,
    /// A loopback, private or otherwise special address.
    #[error("the host is not a public address; an operator can allow this origin in connector.allowed_origins")]
    NotPublic,
    /// Neither the connector's own origin nor one on the operator's list.
    #[error("the origin is not one of this connector's; an operator can allow it in connector.allowed_origins")]
    UnknownOrigin,
}

/// How a permitted destination is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Public addresses only, checked again when the name is resolved.
    Guarded,
    /// An operator vouches for it: any address, HTTP too.
    Vouched,
}

/// Decides which origins and addresses may be called.
#[derive(Debug, Clone, Default)]
pub struct AddressGuard {
    vouched: Vec<Origin>,
}

impl AddressGuard {
    /// A guard with an operator's list of origins.
    pub fn new(vouched: Vec<Origin>) -> Self {
        Self { vouched }
    }

    /// Whether an operator listed this origin.
    pub fn is_vouched(&self, origin: &Origin) -> bool {
        self.vouched.contains(origin)
    }

    /// Whether this origin may be called at all, and how. Names are checked here for what they are, and once more for
    /// where they lead when they are resolved.
    ///
    /// # Errors
    /// [`Refusal`] for plain HTTP and for addresses that are not public, unless an operator listed the origin.
    pub fn check(&self, origin: &Origin) -> Result<Access, Refusal> {
        if self.is_vouched(origin) {
            return Ok(Access::Vouched);
        }
        if origin.scheme() != Scheme::Https {
            return Err(Refusal::NotHttps);
        }
        match origin.host() {
            Host::Ipv4(address) if !is_public(IpAddr::V4(*address)) => Err(Refusal::NotPublic),
            Host::Ipv6(address) if !is_public(IpAddr::V6(*address)) => Err(Refusal::NotPublic),
            Host::Domain(name) if is_local_name(name) => Err(Refusal::NotPublic),
            _ => Ok(Access::Guarded),
        }
    }
}

/// Names that never lead to a public address, whatever a resolver says.
fn is_local_name(name: &str) -> bool {
    name.rsplit('.').next().is_some_and(|last| ["localhost", "local", "internal"].contains(&last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(text: &str) -> Origin {
        text.parse().unwrap()
    }

    #[test]
    fn refuses_http_and_special_addresses() {
        let guard = AddressGuard::default();
        for (text, refusal) in [
            ("http://api.vendor.example", Refusal::NotHttps),
            ("http://8.8.8.8", Refusal::NotHttps),
            ("https://127.0.0.1", Refusal::NotPublic),
            ("https://2130706433", Refusal::NotPublic),
            ("https://0x7f.1", Refusal::NotPublic),
            ("https://[::1]", Refusal::NotPublic),
            ("https://[::ffff:169.254.169.254]", Refusal::NotPublic),
            ("https://localhost", Refusal::NotPublic),
            ("https://LOCALHOST.", Refusal::NotPublic),
            ("https://metadata.google.internal", Refusal::NotPublic),
        ] {
            assert_eq!(guard.check(&origin(text)), Err(refusal), "{text}");
        }
        assert_eq!(guard.check(&origin("https://api.vendor.example")), Ok(Access::Guarded));
        assert_eq!(guard.check(&origin("https://8.8.8.8")), Ok(Access::Guarded));
    }

    #[test]
    fn an_operator_vouches_for_one_scheme_host_and_port_only() {
        let guard = AddressGuard::new(vec![origin("http://127.0.0.1:8090")]);
        assert_eq!(guard.check(&origin("http://127.0.0.1:8090")), Ok(Access::Vouched));
        assert!(guard.check(&origin("http://127.0.0.1:8091")).is_err());
        assert!(guard.check(&origin("https://127.0.0.1:8090")).is_err());
    }
}
