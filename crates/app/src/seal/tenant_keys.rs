//! One tenant's opened data keys: the current one seals, each opens what names it.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use gangway_domain::id::{DataKeyId, TenantId};
use gangway_storage::{
    TenantTx,
    data_keys::{DataKeyPlace, StoredDataKey},
};
use gangway_vault::{self as vault, Aad, DataKey, HashKey, KeyRing, Sealed, Zeroizing};
use uuid::Uuid;

use super::unwrap_one;
use crate::{Error, Result};

/// A tenant's opened data keys.
pub struct TenantKeys {
    tenant: TenantId,
    ring: Arc<KeyRing>,
    hash_key: HashKey,
    held: RwLock<Held>,
}

struct Held {
    current: Arc<DataKey>,
    /// How often the current key had sealed when it was read, in all processes.
    n_stored: u64,
    opened: HashMap<DataKeyId, Arc<DataKey>>,
}

impl TenantKeys {
    /// Opens what is stored.
    pub(super) fn unwrap(ring: &Arc<KeyRing>, tenant: TenantId, stored: Vec<StoredDataKey>) -> Result<Self> {
        let current = stored.iter().rfind(|key| !key.is_retired).ok_or_else(no_key_in_use)?;
        let (_, hash_key) = unwrap_one(ring, tenant, current)?;
        let held = RwLock::new(hold(ring, tenant, stored, HashMap::new())?);
        Ok(Self { tenant, ring: Arc::clone(ring), hash_key, held })
    }

    /// Takes over what is stored by now. Keys that are open stay as they are: their values never change.
    pub(super) fn take_in(&self, stored: Vec<StoredDataKey>) -> Result<()> {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        *held = hold(&self.ring, self.tenant, stored, held.opened.clone())?;
        Ok(())
    }

    /// Seals a value of one object's field.
    pub fn seal(&self, kind: &str, object: Uuid, field: &str, plaintext: &[u8]) -> Vec<u8> {
        self.seal_with(&Aad::new(self.tenant, kind, object, field), plaintext)
    }

    pub(super) fn seal_with(&self, aad: &Aad<'_>, plaintext: &[u8]) -> Vec<u8> {
        let current = Arc::clone(&self.read().current);
        current.seal(aad, plaintext).into_bytes()
    }

    /// Opens a value sealed for the same object's field. `tx` is the transaction that read the value: a key that another
    /// process has made since ours were read is read in it.
    ///
    /// # Errors
    /// When the value is damaged or belongs elsewhere, or the tenant has no such key.
    pub async fn open(
        &self,
        tx: &TenantTx,
        kind: &str,
        object: Uuid,
        field: &str,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>> {
        let sealed = Sealed::from_bytes(sealed)?;
        if self.find(sealed.key_id()).is_none() {
            self.take_in(tx.data_keys().list().await?)?;
        }
        self.open_with(&Aad::new(self.tenant, kind, object, field), &sealed)
    }

    /// Opens a value with the keys at hand.
    pub(super) fn open_with(&self, aad: &Aad<'_>, sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>> {
        let key = self.find(sealed.key_id()).ok_or(vault::Error::UnknownDataKey(sealed.key_id()))?;
        Ok(key.open(aad, sealed)?)
    }

    /// Hashes records, the same way across key rotations.
    pub const fn hash_key(&self) -> &HashKey {
        &self.hash_key
    }

    /// The key that seals.
    pub(super) fn current_id(&self) -> DataKeyId {
        self.read().current.id()
    }

    /// How often the key in use has sealed: here since the count was last stored, and everywhere when it was last read.
    pub(super) fn n_sealed(&self) -> u64 {
        let held = self.read();
        held.n_stored.saturating_add(held.current.seals())
    }

    /// Takes how often each key sealed since the last time, for storing.
    pub(super) fn take_counts(&self) -> Vec<(DataKeyPlace, u64)> {
        let held = self.read();
        let counts = held.opened.iter().map(|(id, key)| ((self.tenant, *id), key.take_seals()));
        counts.filter(|(_, n_seals)| *n_seals > 0).collect()
    }

    /// Whether some key sealed since counts were last taken.
    pub(super) fn has_counts(&self) -> bool {
        self.read().opened.values().any(|key| key.seals() > 0)
    }

    /// Takes a count back that could not be stored.
    pub(super) fn return_count(&self, key: DataKeyId, n_seals: u64) {
        if let Some(key) = self.find(key) {
            key.return_seals(n_seals);
        }
    }

    fn find(&self, id: DataKeyId) -> Option<Arc<DataKey>> {
        self.read().opened.get(&id).map(Arc::clone)
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Held> {
        self.held.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for TenantKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = self.read();
        f.debug_struct("TenantKeys")
            .field("tenant", &self.tenant)
            .field("current", &held.current.id())
            .field("n_keys", &held.opened.len())
            .finish_non_exhaustive()
    }
}

/// Opens the stored keys that are not open yet, and finds the one in use.
fn hold(
    ring: &KeyRing,
    tenant: TenantId,
    stored: Vec<StoredDataKey>,
    mut opened: HashMap<DataKeyId, Arc<DataKey>>,
) -> Result<Held> {
    let mut current = None;
    for row in stored {
        let key = match opened.get(&row.id) {
            Some(key) => Arc::clone(key),
            None => Arc::new(unwrap_one(ring, tenant, &row)?.0),
        };
        opened.insert(row.id, Arc::clone(&key));
        if !row.is_retired {
            current = Some((key, row.seals));
        }
    }
    let (current, n_stored) = current.ok_or_else(no_key_in_use)?;
    Ok(Held { current, n_stored, opened })
}

fn no_key_in_use() -> Error {
    Error::internal("the tenant has no data key in use")
}
