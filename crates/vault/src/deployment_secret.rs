//! One secret for the whole deployment, sealed under the platform tenant's data key.
//!
//! It turns a vendor's client id into the key of a shared budget, so that tenants with the same credential share one
//! budget while the store of budgets (Redis) learns no client id.

use std::fmt;

use zeroize::Zeroizing;

use crate::{
    Error,
    hash_key::{derive, stored_key},
    random::random_bytes,
};

/// Derives deployment-wide keys that outsiders can't compute.
pub struct DeploymentSecret(Zeroizing<[u8; 32]>);

impl DeploymentSecret {
    /// Draws a new secret from the operating system's generator.
    pub fn generate() -> Self {
        Self(random_bytes())
    }

    /// Takes the secret back from storage.
    pub fn from_secret_bytes(bytes: &[u8]) -> Result<Self, Error> {
        stored_key("deployment secret", bytes).map(Self)
    }

    /// The secret for sealing; wiped when dropped.
    pub fn to_secret_bytes(&self) -> Zeroizing<[u8; 32]> {
        self.0.clone()
    }

    /// Names the budget that all holders of a vendor's client id share. Different connectors keep apart by putting
    /// their id in front of the client id.
    pub fn budget_key(&self, client_id: &str) -> [u8; 32] {
        derive(&self.0, "gangway/budget/v1", client_id.as_bytes())
    }
}

impl fmt::Debug for DeploymentSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeploymentSecret").finish_non_exhaustive()
    }
}
