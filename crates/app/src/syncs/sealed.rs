//! The sealed part of a record beside the vendor's bytes: selected sensitive attributes, and canonical fields that hold free text.

use std::collections::BTreeMap;

use gangway_domain::record::Fields;
use gangway_storage::TenantTx;
use gangway_vault as vault;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{Error, Result, seal::TenantKeys};

/// Object kind under which a record's parts are sealed.
const KIND: &str = "record";
/// Field of the vendor's bytes.
const RAW: &str = "raw";
/// Field of what is sensitive.
const SENSITIVE: &str = "sensitive";

/// What of a record only `sensitive:read` may see.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct SealedPart {
    /// Canonical fields.
    pub(crate) fields: Fields,
    /// Selected sensitive attributes.
    pub(crate) attributes: BTreeMap<String, Value>,
}

impl std::fmt::Debug for SealedPart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SealedPart").finish_non_exhaustive()
    }
}

impl SealedPart {
    /// Opens a record's sealed part; `tx` is the transaction that read it.
    pub(crate) async fn open(keys: &TenantKeys, tx: &TenantTx, record: Uuid, sealed: &[u8]) -> Result<Self> {
        let clear = keys.open(tx, KIND, record, SENSITIVE, sealed).await?;
        serde_json::from_slice(&clear).map_err(Error::internal)
    }

    /// The same, but none when it is damaged: that is told to the log alone, since it must not stop everything else.
    pub(crate) async fn open_or_lose(
        keys: &TenantKeys,
        tx: &TenantTx,
        record: Uuid,
        sealed: &[u8],
    ) -> Result<Option<Self>> {
        or_lose(Self::open(keys, tx, record, sealed).await, record, SENSITIVE)
    }

    /// Seals it; none when there is nothing to tell. Fields without a value are left out, so that who reads a record without
    /// any is not noted as a reader of sensitive values.
    pub(super) fn seal(&self, keys: &TenantKeys, record: Uuid) -> Result<Option<Vec<u8>>> {
        let mut kept = self.clone();
        kept.fields.retain(|_, value| !value.is_null());
        if kept == Self::default() {
            return Ok(None);
        }
        let text = serde_json::to_vec(&kept).map_err(Error::internal)?;
        Ok(Some(keys.seal(KIND, record, SENSITIVE, &text)))
    }
}

/// Opens the vendor's bytes; `tx` is the transaction that read them. Those that do not open are lost, and told to the log alone:
/// nothing is left of them but `null`.
pub(super) async fn open_raw(keys: &TenantKeys, tx: &TenantTx, record: Uuid, sealed: &[u8]) -> Result<Vec<u8>> {
    let opened = or_lose(keys.open(tx, KIND, record, RAW, sealed).await, record, RAW)?;
    Ok(opened.map_or_else(|| b"null".to_vec(), |raw| raw.to_vec()))
}

/// None for bytes that are damaged. A key that is not at hand is no damage: what it sealed may open again.
fn or_lose<T>(opened: Result<T>, record: Uuid, part: &'static str) -> Result<Option<T>> {
    match opened {
        Err(error) if is_damage(&error) => {
            tracing::error!(
                record.id = %record, part, %error,
                "a sealed part of a record does not open, its values are left out; see docs/operations.md, \"Sealed bytes that do not open\""
            );
            Ok(None)
        }
        opened => opened.map(Some),
    }
}

fn is_damage(error: &Error) -> bool {
    let source = std::error::Error::source(error);
    source.is_some_and(|source| {
        source.is::<serde_json::Error>()
            || matches!(source.downcast_ref(), Some(vault::Error::Open | vault::Error::Envelope))
    })
}

/// Seals the vendor's bytes.
pub(super) fn seal_raw(keys: &TenantKeys, record: Uuid, raw: &[u8]) -> Vec<u8> {
    keys.seal(KIND, record, RAW, raw)
}
