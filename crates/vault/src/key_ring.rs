//! The ring of master keys: the current one wraps, the current and the previous ones unwrap.
//!
//! Rotation is online: put the new key first and the old one behind it, restart process by process, [`KeyRing::rewrap`]
//! every row that names another than the current key, then drop the old key.

use std::fmt;

use aes_gcm::{
    Aes256Gcm, KeyInit,
    aead::{Aead, Payload},
};
use gangway_domain::id::{DataKeyId, TenantId};
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::{DataKey, Error, MasterKey, MasterKeyId, aad::length_prefixed, random};

const VERSION: u8 = 1;

/// The master keys of a deployment.
pub struct KeyRing {
    current: MasterKey,
    previous: Vec<MasterKey>,
}

/// A data key as it may be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedDataKey {
    /// Master key that opens it.
    pub master_key_id: MasterKeyId,
    /// Version byte, nonce, ciphertext and tag.
    pub bytes: Vec<u8>,
}

impl KeyRing {
    /// Builds a ring from keys already read.
    pub fn new(current: MasterKey, previous: Vec<MasterKey>) -> Self {
        Self { current, previous }
    }

    /// Builds a ring from the base64 texts of a configuration; the error says which text is wrong, how, and the cure.
    pub fn from_base64(current: &SecretString, previous: &[SecretString]) -> Result<Self, Error> {
        let current = MasterKey::from_base64("the master key", current)?;
        let previous = previous
            .iter()
            .enumerate()
            .map(|(index, text)| MasterKey::from_base64(&format!("previous master key {}", index + 1), text))
            .collect::<Result<_, _>>()?;
        Ok(Self::new(current, previous))
    }

    /// Fingerprint of the key that wraps new data keys.
    pub fn current_id(&self) -> MasterKeyId {
        self.current.id()
    }

    /// Fingerprints of all keys on the ring, the current one first.
    pub fn ids(&self) -> impl Iterator<Item = MasterKeyId> {
        self.keys().map(MasterKey::id)
    }

    /// Draws a data key for a tenant and wraps it for storage.
    pub fn create_data_key(&self, tenant: TenantId, id: DataKeyId) -> (DataKey, WrappedDataKey) {
        let key = random::random_bytes::<32>();
        let wrapped = self.wrap(tenant, id, &key);
        (DataKey::new(id, &key), wrapped)
    }

    /// Opens a stored data key; fails for another tenant's or another id's row.
    pub fn unwrap_data_key(&self, tenant: TenantId, id: DataKeyId, wrapped: &WrappedDataKey) -> Result<DataKey, Error> {
        Ok(DataKey::new(id, &*self.unwrap(tenant, id, wrapped)?))
    }

    /// Wraps a stored data key anew under the current master key; the data key itself stays the same.
    pub fn rewrap(&self, tenant: TenantId, id: DataKeyId, wrapped: &WrappedDataKey) -> Result<WrappedDataKey, Error> {
        let key = self.unwrap(tenant, id, wrapped)?;
        Ok(self.wrap(tenant, id, &key))
    }

    fn keys(&self) -> impl Iterator<Item = &MasterKey> {
        std::iter::once(&self.current).chain(&self.previous)
    }

    fn wrap(&self, tenant: TenantId, id: DataKeyId, key: &[u8; 32]) -> WrappedDataKey {
        let nonce = random::nonce();
        let aad = associated_data(self.current.id(), tenant, id);
        let ciphertext = cipher(&self.current)
            .encrypt(&nonce.into(), Payload { msg: key, aad: &aad })
            .expect("32 bytes are within what AES-GCM takes");
        let mut bytes = Vec::with_capacity(1 + nonce.len() + ciphertext.len());
        bytes.push(VERSION);
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(&ciphertext);
        WrappedDataKey { master_key_id: self.current.id(), bytes }
    }

    fn unwrap(&self, tenant: TenantId, id: DataKeyId, wrapped: &WrappedDataKey) -> Result<Zeroizing<[u8; 32]>, Error> {
        let WrappedDataKey { master_key_id, bytes } = wrapped;
        let master =
            self.keys().find(|key| key.id() == *master_key_id).ok_or(Error::UnknownMasterKey(*master_key_id))?;
        let (&version, rest) = bytes.split_first().ok_or(Error::Unwrap)?;
        let (nonce, ciphertext) = rest.split_first_chunk::<12>().ok_or(Error::Unwrap)?;
        if version != VERSION {
            return Err(Error::Unwrap);
        }
        let aad = associated_data(master.id(), tenant, id);
        let opened = cipher(master)
            .decrypt(nonce.into(), Payload { msg: ciphertext, aad: &aad })
            .map(Zeroizing::new)
            .map_err(|_| Error::Unwrap)?;
        let key: [u8; 32] = opened.as_slice().try_into().map_err(|_| Error::Unwrap)?;
        Ok(Zeroizing::new(key))
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.ids()).finish()
    }
}

fn cipher(master: &MasterKey) -> Aes256Gcm {
    Aes256Gcm::new(master.bytes().into())
}

fn associated_data(master: MasterKeyId, tenant: TenantId, id: DataKeyId) -> Vec<u8> {
    length_prefixed(&[b"gangway/data-key/v1", tenant.uuid().as_bytes(), id.uuid().as_bytes(), master.as_bytes()])
}
