//! The deployment's own secret, under which vendor budgets are named: made once, sealed with the platform tenant's data key.

use std::sync::Arc;

use gangway_domain::id::PLATFORM_TENANT;
use gangway_storage::{SystemReason, SystemTx};
use gangway_vault::{Aad, DeploymentSecret, Sealed};

use super::{Keys, TenantKeys, lock};
use crate::{App, Result};

impl Keys {
    /// Names a vendor credential's budget: the same identity has the same key, whichever tenant holds it, and the key tells
    /// nothing about the identity.
    pub async fn budget_key(&self, app: &App, identity: &str) -> Result<[u8; 32]> {
        let known = lock(&self.deployment).clone();
        let secret = if let Some(secret) = known {
            secret
        } else {
            let secret = Arc::new(self.load_deployment_secret(app).await?);
            *lock(&self.deployment) = Some(Arc::clone(&secret));
            secret
        };
        Ok(secret.budget_key(identity))
    }

    /// Makes the platform tenant's data key, unless there is one.
    pub(crate) async fn ensure_platform(&self, app: &App) -> Result<()> {
        let tx = app.db.begin_system(SystemReason::Deployment).await?;
        tx.data_keys().lock_platform().await?;
        self.platform_keys(app, &tx).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn load_deployment_secret(&self, app: &App) -> Result<DeploymentSecret> {
        let tx = app.db.begin_system(SystemReason::Deployment).await?;
        tx.data_keys().lock_platform().await?;
        let keys = self.platform_keys(app, &tx).await?;
        let aad = Aad::new(PLATFORM_TENANT, "deployment", "deployment", "secret");
        let secret = if let Some(sealed) = tx.data_keys().find_deployment_secret().await? {
            DeploymentSecret::from_secret_bytes(&keys.open_with(&aad, &Sealed::from_bytes(&sealed)?)?)?
        } else {
            let secret = DeploymentSecret::generate();
            let sealed = keys.seal_with(&aad, &*secret.to_secret_bytes());
            tx.data_keys().create_deployment_secret(sealed, app.now()).await?;
            secret
        };
        tx.commit().await?;
        Ok(secret)
    }

    async fn platform_keys(&self, app: &App, tx: &SystemTx) -> Result<TenantKeys> {
        let mut stored = tx.data_keys().list(PLATFORM_TENANT).await?;
        if stored.is_empty() {
            let first = self.create(app, PLATFORM_TENANT);
            tx.data_keys().create(PLATFORM_TENANT, first.clone(), app.now()).await?;
            stored.push(first);
        }
        TenantKeys::unwrap(&self.ring, PLATFORM_TENANT, stored)
    }
}
