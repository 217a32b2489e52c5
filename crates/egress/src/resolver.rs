//! Name resolution under the guard: a name is resolved once, every address is checked, and the connection goes to one of
//! those that were checked.

use std::net::{IpAddr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::guard::is_public;

/// The name leads to an address that is not public.
#[derive(Debug, thiserror::Error)]
#[error("the name leads to an address that is not public")]
pub(crate) struct NotPublic;

/// Resolves names to public addresses only. One that is not public spoils the name: whoever mixes them plays with us.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let checked = check(found.map(|address| address.ip()))?;
            Ok(Box::new(checked.into_iter()) as Addrs)
        })
    }
}

fn check(addresses: impl Iterator<Item = IpAddr>) -> Result<Vec<SocketAddr>, NotPublic> {
    // Port 0 stands for the URL's own.
    addresses.map(|address| if is_public(address) { Ok(SocketAddr::new(address, 0)) } else { Err(NotPublic) }).collect()
}

/// Whether an error comes from the check above, however deep.
pub(crate) fn is_refusal(error: &reqwest::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        if error.is::<NotPublic>() {
            return true;
        }
        source = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_private_address_among_public_ones_spoils_the_name() {
        let public: IpAddr = "8.8.8.8".parse().unwrap();
        assert_eq!(check([public].into_iter()).unwrap(), [SocketAddr::new(public, 0)]);
        assert!(check([public, "10.0.0.1".parse().unwrap()].into_iter()).is_err());
        assert!(check([public, "::ffff:127.0.0.1".parse().unwrap()].into_iter()).is_err());
    }

    #[tokio::test]
    async fn a_name_for_this_machine_is_refused_when_it_is_resolved() {
        let resolved = PublicOnly.resolve("localhost".parse().unwrap()).await;
        assert!(resolved.is_err_and(|error| error.is::<NotPublic>()));
    }
}
