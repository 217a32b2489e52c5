//! Sealing and opening with a tenant's data keys, and what keeps them young: rotation, rewrapping, counting.
//!
//! A data key is unwrapped with the master key once and kept in memory while its tenant is active. Which of a tenant's keys
//! seals is read again every half minute, so that a key rotated by another process is soon used here too; a value sealed with
//! a key that is not known yet makes it known at once. Plaintexts leave here as zeroizing bytes; only the named functions of
//! invariant 5 turn one into a secret.

mod count;
mod deployment;
mod rewrap;
mod rotate;
mod tenant_keys;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use chrono::{DateTime, Duration, Utc};
use gangway_domain::{
    Code,
    id::{DataKeyId, TenantId},
};
use gangway_storage::{Db, SystemReason, TenantScope, data_keys::StoredDataKey};
use gangway_vault::{Aad, DataKey, DeploymentSecret, HashKey, KeyRing, SEAL_LIMIT};

pub use self::{
    count::store_counts,
    rewrap::{Mode, Progress, Rewrapped, rewrap},
    rotate::rotate_due,
    tenant_keys::TenantKeys,
};
pub use gangway_storage::data_keys::MasterKeyUse;

use crate::{App, Error, Result};

/// How long what was read of a tenant's data keys is believed.
const KEEP: Duration = Duration::seconds(30);

/// The master keys, and the data keys opened with them.
#[derive(Debug)]
pub struct Keys {
    ring: Arc<KeyRing>,
    tenants: Mutex<HashMap<TenantId, Cached>>,
    deployment: Mutex<Option<Arc<DeploymentSecret>>>,
}

/// A tenant's keys in memory, and when they were last read.
#[derive(Debug, Clone)]
struct Cached {
    read_at: DateTime<Utc>,
    keys: Arc<TenantKeys>,
}

impl Keys {
    /// Starts with nothing opened.
    pub fn new(ring: KeyRing) -> Self {
        Self { ring: Arc::new(ring), tenants: Mutex::default(), deployment: Mutex::default() }
    }

    /// Where a master key stands on the ring, by its fingerprint: `current`, `previous`, or `missing`.
    pub fn place_of(&self, master_key: &str) -> &'static str {
        match self.ring.ids().position(|id| id.to_string() == master_key) {
            Some(0) => "current",
            Some(_) => "previous",
            None => "missing",
        }
    }

    /// Fingerprints of master keys that stored data keys need and that are not on the ring. With one missing, its tenants
    /// cannot be served, and a new tenant would be sealed under another key: a process should refuse to start.
    pub async fn missing_master_keys(&self, app: &App) -> Result<Vec<String>> {
        let known: Vec<String> = self.ring.ids().map(|id| id.to_string()).collect();
        let used = master_key_uses(&app.db).await?.into_iter().map(|MasterKeyUse { master_key_id, .. }| master_key_id);
        Ok(used.filter(|id| !known.contains(id)).collect())
    }

    /// The data keys of a tenant. Not to be called within a transaction: it may read in one of its own.
    ///
    /// # Errors
    /// When the key in use has sealed as much as a key may. The rotation of keys comes long before that.
    pub async fn tenant(&self, app: &App, scope: &TenantScope) -> Result<Arc<TenantKeys>> {
        let now = app.now();
        let tenant = scope.tenant();
        if let Some(Cached { read_at, keys }) = lock(&self.tenants).get(&tenant)
            && (Duration::zero()..KEEP).contains(&(now - *read_at))
            && keys.n_sealed() < SEAL_LIMIT
        {
            return Ok(Arc::clone(keys));
        }
        let tx = app.db.begin_read(scope).await?;
        let stored = tx.data_keys().list().await?;
        tx.commit().await?;
        let keys = self.take_in(tenant, stored, now)?;
        if keys.n_sealed() < SEAL_LIMIT { Ok(keys) } else { Err(used_up(tenant, keys.current_id())) }
    }

    /// Keeps what was read of a tenant's data keys. Keys that are in memory stay the same: they hold counts.
    fn take_in(&self, tenant: TenantId, stored: Vec<StoredDataKey>, now: DateTime<Utc>) -> Result<Arc<TenantKeys>> {
        let mut tenants = lock(&self.tenants);
        let keys = match tenants.get(&tenant) {
            Some(Cached { keys, .. }) => {
                keys.take_in(stored)?;
                Arc::clone(keys)
            }
            None => Arc::new(TenantKeys::unwrap(&self.ring, tenant, stored)?),
        };
        tenants.insert(tenant, Cached { read_at: now, keys: Arc::clone(&keys) });
        Ok(keys)
    }

    /// Makes a tenant's first data key and its hash key, for storing beside the tenant.
    pub(crate) fn create(&self, app: &App, tenant: TenantId) -> StoredDataKey {
        self.make(app, tenant, &HashKey::generate())
    }

    /// Makes a data key that seals the hash key a tenant has.
    fn make(&self, app: &App, tenant: TenantId, hash_key: &HashKey) -> StoredDataKey {
        let id: DataKeyId = app.new_id();
        let (key, wrapped) = self.ring.create_data_key(tenant, id);
        let sealed = key.seal(&hash_key_aad(tenant), &*hash_key.to_secret_bytes());
        StoredDataKey {
            id,
            master_key_id: wrapped.master_key_id.to_string(),
            wrapped: wrapped.bytes,
            hash_key: sealed.into_bytes(),
            seals: key.seals(),
            is_retired: false,
        }
    }
}

/// How many data keys each master key wraps, over all tenants.
pub async fn master_key_uses(db: &Db) -> Result<Vec<MasterKeyUse>> {
    let tx = db.begin_system(SystemReason::Doctor).await?;
    let uses = tx.data_keys().list_master_keys().await?;
    tx.commit().await?;
    Ok(uses)
}

fn used_up(tenant: TenantId, key: DataKeyId) -> Error {
    let mut error = Error::new(
        Code::Unavailable,
        format!("The data key {key} of {tenant} has sealed as much as it may; a worker replaces it within the hour."),
    );
    error.is_transient = true;
    error
}

/// Unwraps one stored data key, and opens the hash key that it seals.
fn unwrap_one(ring: &KeyRing, tenant: TenantId, stored: &StoredDataKey) -> Result<(DataKey, HashKey)> {
    let wrapped = wrapping(stored)?;
    let key = ring.unwrap_data_key(tenant, stored.id, &wrapped)?;
    let sealed = gangway_vault::Sealed::from_bytes(&stored.hash_key)?;
    let hash_key = HashKey::from_secret_bytes(&key.open(&hash_key_aad(tenant), &sealed)?)?;
    Ok((key, hash_key))
}

/// How a stored data key is wrapped.
fn wrapping(stored: &StoredDataKey) -> Result<gangway_vault::WrappedDataKey> {
    let StoredDataKey { master_key_id, wrapped, .. } = stored;
    Ok(gangway_vault::WrappedDataKey { master_key_id: master_key_id.parse()?, bytes: wrapped.clone() })
}

fn hash_key_aad<'a>(tenant: TenantId) -> Aad<'a> {
    Aad::new(tenant, "data-key", "hash-key", "secret")
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
