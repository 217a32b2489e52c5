//! Wrapped data keys, one current per tenant, and the deployment's sealed secret. Bytes only: `vault` wraps and opens.

use gangway_domain::id::{DataKeyId, TenantId};
use sea_orm::{
    ActiveModelTrait as _, ActiveValue::Set, ColumnTrait as _, FromQueryResult, QueryFilter as _, QueryOrder as _,
};

use crate::{
    Result, SystemTx, TenantTx,
    entity::{
        data_key::{ActiveModel, Column, Entity, Model},
        deployment,
    },
    micros::to_micros,
};

/// A wrapped data key with the tenant's hash key, sealed under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDataKey {
    /// Identity, named by every value sealed with it.
    pub id: DataKeyId,
    /// Fingerprint of the master key that wraps it.
    pub master_key_id: String,
    /// The wrapped key.
    pub wrapped: Vec<u8>,
    /// The tenant's record-hash key, sealed with this data key; the same key under each.
    pub hash_key: Vec<u8>,
    /// Whether it only opens and no longer seals.
    pub is_retired: bool,
}

/// The tenant's data keys.
#[derive(Debug, Clone, Copy)]
pub struct DataKeys<'a>(pub(crate) &'a TenantTx);

impl DataKeys<'_> {
    /// Every data key, newest last; the last that is not retired seals.
    pub async fn list(&self) -> Result<Vec<StoredDataKey>> {
        let rows = self.0.find::<Entity>().order_by_asc(Column::Id).all(self.0.raw()).await?;
        Ok(rows.into_iter().map(read).collect())
    }
}

/// Data keys of any tenant, for the system role.
#[derive(Debug, Clone, Copy)]
pub struct SystemDataKeys<'a>(pub(crate) &'a SystemTx);

impl SystemDataKeys<'_> {
    /// Every data key of a tenant, newest last.
    pub async fn list(&self, tenant: TenantId) -> Result<Vec<StoredDataKey>> {
        let rows = self
            .0
            .find::<Entity>()
            .filter(Column::TenantId.eq(tenant.uuid()))
            .order_by_asc(Column::Id)
            .all(self.0.raw())
            .await?;
        Ok(rows.into_iter().map(read).collect())
    }

    /// Fingerprints of the master keys that wrap any data key.
    pub async fn list_master_key_ids(&self) -> Result<Vec<String>> {
        let rows =
            self.0.query::<MasterKeyId>("SELECT DISTINCT master_key_id FROM data_key ORDER BY 1", vec![]).await?;
        Ok(rows.into_iter().map(|row| row.master_key_id).collect())
    }

    /// Adds a data key to a tenant.
    pub async fn create(&self, tenant: TenantId, key: StoredDataKey, at: chrono::DateTime<chrono::Utc>) -> Result<()> {
        let StoredDataKey { id, master_key_id, wrapped, hash_key, is_retired: _ } = key;
        let row = ActiveModel {
            tenant_id: Set(tenant.uuid()),
            id: Set(id.uuid()),
            master_key_id: Set(master_key_id),
            wrapped: Set(wrapped),
            hash_key: Set(hash_key),
            seals: Set(0),
            created_at: Set(to_micros(at)),
            retired_at: Set(None),
        };
        row.insert(self.0.raw()).await?;
        Ok(())
    }

    /// Locks the platform tenant's row, so that its first data key and the deployment's secret are made once.
    pub async fn lock_platform(&self) -> Result<()> {
        if self.0.is_postgres() {
            let nil = gangway_domain::id::PLATFORM_TENANT.uuid();
            self.0.execute("SELECT id FROM tenant WHERE id = $1 FOR UPDATE", vec![nil.into()]).await?;
        }
        Ok(())
    }

    /// The deployment's secret, sealed with a data key of the platform tenant.
    pub async fn find_deployment_secret(&self) -> Result<Option<Vec<u8>>> {
        let row = self.0.find::<deployment::Entity>().one(self.0.raw()).await?;
        Ok(row.map(|row| row.secret))
    }

    /// Stores the deployment's secret, once.
    pub async fn create_deployment_secret(&self, secret: Vec<u8>, at: chrono::DateTime<chrono::Utc>) -> Result<()> {
        let row = deployment::ActiveModel { id: Set(1), secret: Set(secret), created_at: Set(to_micros(at)) };
        row.insert(self.0.raw()).await?;
        Ok(())
    }
}

#[derive(FromQueryResult)]
struct MasterKeyId {
    master_key_id: String,
}

fn read(row: Model) -> StoredDataKey {
    let Model { tenant_id: _, id, master_key_id, wrapped, hash_key, seals: _, created_at: _, retired_at } = row;
    StoredDataKey { id: DataKeyId::from_uuid(id), master_key_id, wrapped, hash_key, is_retired: retired_at.is_some() }
}
