//! Sealing and opening with a tenant's data key.
//!
//! Data keys are opened with the master key once and kept in memory for a short while, so that a key rotated by another
//! process is seen. Plaintexts leave here as zeroizing bytes; only the named functions of invariant 5 turn one into a secret.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use chrono::{DateTime, Duration, Utc};
use gangway_domain::id::{DataKeyId, PLATFORM_TENANT, TenantId};
use gangway_storage::{SystemReason, SystemTx, TenantScope, data_keys::StoredDataKey};
use gangway_vault::{Aad, DataKey, DeploymentSecret, HashKey, KeyRing, Sealed, WrappedDataKey, Zeroizing};
use uuid::Uuid;

use crate::{App, Error, Result};

/// How long opened data keys are kept before they are read again.
const KEEP: Duration = Duration::seconds(30);

/// The master keys, and the data keys opened with them.
#[derive(Debug)]
pub struct Keys {
    ring: KeyRing,
    opened: Mutex<HashMap<TenantId, Opened>>,
    deployment: Mutex<Option<Arc<DeploymentSecret>>>,
}

/// Since when a tenant's keys are in memory.
type Opened = (DateTime<Utc>, Arc<TenantKeys>);

impl Keys {
    /// Starts with nothing opened.
    pub fn new(ring: KeyRing) -> Self {
        Self { ring, opened: Mutex::default(), deployment: Mutex::default() }
    }

    /// Fingerprints of master keys that stored data keys need and that are not on the ring. With one missing, its tenants
    /// cannot be served, and a new tenant would be sealed under another key: a process should refuse to start.
    pub async fn missing_master_keys(&self, app: &App) -> Result<Vec<String>> {
        let tx = app.db.begin_system(SystemReason::Doctor).await?;
        let used = tx.data_keys().list_master_key_ids().await?;
        tx.commit().await?;
        let known: Vec<String> = self.ring.ids().map(|id| id.to_string()).collect();
        Ok(used.into_iter().filter(|id| !known.contains(id)).collect())
    }

    /// The data keys of a tenant.
    pub async fn tenant(&self, app: &App, scope: &TenantScope) -> Result<Arc<TenantKeys>> {
        let now = app.now();
        let tenant = scope.tenant();
        if let Some((since, keys)) = lock(&self.opened).get(&tenant)
            && (Duration::zero()..KEEP).contains(&(now - *since))
        {
            return Ok(Arc::clone(keys));
        }
        let tx = app.db.begin_read(scope).await?;
        let stored = tx.data_keys().list().await?;
        tx.commit().await?;
        let keys = Arc::new(self.open_all(tenant, stored)?);
        lock(&self.opened).insert(tenant, (now, Arc::clone(&keys)));
        Ok(keys)
    }

    /// Makes a tenant's first data key and its hash key, for storing beside the tenant.
    pub(crate) fn create(&self, app: &App, tenant: TenantId) -> StoredDataKey {
        let id: DataKeyId = app.new_id();
        let (key, wrapped) = self.ring.create_data_key(tenant, id);
        let hash_key = HashKey::generate();
        let sealed = key.seal(&hash_key_aad(tenant), &*hash_key.to_secret_bytes());
        StoredDataKey {
            id,
            master_key_id: wrapped.master_key_id.to_string(),
            wrapped: wrapped.bytes,
            hash_key: sealed.into_bytes(),
            is_retired: false,
        }
    }

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

    async fn load_deployment_secret(&self, app: &App) -> Result<DeploymentSecret> {
        let tx = app.db.begin_system(SystemReason::Deployment).await?;
        tx.data_keys().lock_platform().await?;
        let keys = self.platform_keys(app, &tx).await?;
        let aad = Aad::new(PLATFORM_TENANT, "deployment", "deployment", "secret");
        let secret = if let Some(sealed) = tx.data_keys().find_deployment_secret().await? {
            DeploymentSecret::from_secret_bytes(&keys.open_with(&aad, &sealed)?)?
        } else {
            let secret = DeploymentSecret::generate();
            let sealed = keys.current.seal(&aad, &*secret.to_secret_bytes());
            tx.data_keys().create_deployment_secret(sealed.into_bytes(), app.now()).await?;
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
        self.open_all(PLATFORM_TENANT, stored)
    }

    fn open_all(&self, tenant: TenantId, stored: Vec<StoredDataKey>) -> Result<TenantKeys> {
        let mut opened = HashMap::new();
        let mut current = None;
        let mut hash_key = None;
        for StoredDataKey { id, master_key_id, wrapped, hash_key: sealed_hash_key, is_retired } in stored {
            let wrapped = WrappedDataKey { master_key_id: master_key_id.parse()?, bytes: wrapped };
            let key = Arc::new(self.ring.unwrap_data_key(tenant, id, &wrapped)?);
            let bytes = key.open(&hash_key_aad(tenant), &Sealed::from_bytes(&sealed_hash_key)?)?;
            hash_key = Some(HashKey::from_secret_bytes(&bytes)?);
            if !is_retired {
                current = Some(Arc::clone(&key));
            }
            opened.insert(id, key);
        }
        match (current, hash_key) {
            (Some(current), Some(hash_key)) => Ok(TenantKeys { tenant, current, opened, hash_key }),
            _ => Err(Error::internal("the tenant has no data key in use")),
        }
    }
}

/// A tenant's opened data keys.
#[derive(Debug)]
pub struct TenantKeys {
    tenant: TenantId,
    current: Arc<DataKey>,
    opened: HashMap<DataKeyId, Arc<DataKey>>,
    hash_key: HashKey,
}

impl TenantKeys {
    /// Seals a value of one object's field.
    pub fn seal(&self, kind: &str, object: Uuid, field: &str, plaintext: &[u8]) -> Vec<u8> {
        self.current.seal(&Aad::new(self.tenant, kind, object, field), plaintext).into_bytes()
    }

    /// Opens a value sealed for the same object's field.
    pub fn open(&self, kind: &str, object: Uuid, field: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        self.open_with(&Aad::new(self.tenant, kind, object, field), sealed)
    }

    /// Hashes records, the same way across key rotations.
    pub const fn hash_key(&self) -> &HashKey {
        &self.hash_key
    }

    fn open_with(&self, aad: &Aad<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let sealed = Sealed::from_bytes(sealed)?;
        let key = self.opened.get(&sealed.key_id()).unwrap_or(&self.current);
        Ok(key.open(aad, &sealed)?)
    }
}

fn hash_key_aad<'a>(tenant: TenantId) -> Aad<'a> {
    Aad::new(tenant, "data-key", "hash-key", "secret")
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
