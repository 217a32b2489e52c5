//! Wrapped data keys, one current per tenant, and the deployment's sealed secret. Bytes only: `vault` wraps and opens.

use chrono::{DateTime, Utc};
use gangway_domain::id::{DataKeyId, PLATFORM_TENANT, TenantId};
use sea_orm::{
    ActiveModelTrait as _, ActiveValue::Set, ColumnTrait as _, Condition, FromQueryResult, QueryFilter as _,
    QueryOrder as _, QuerySelect as _, Select,
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
    /// How many values it sealed, as far as processes have said.
    pub seals: u64,
    /// Whether it only opens and no longer seals.
    pub is_retired: bool,
}

/// Where a data key stands among all: its tenant, then its own id.
pub type DataKeyPlace = (TenantId, DataKeyId);

/// How many data keys a master key wraps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MasterKeyUse {
    /// The master key's fingerprint.
    pub master_key_id: String,
    /// Data keys of every tenant, retired ones too.
    pub n_data_keys: u64,
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
        let query = self.0.find::<Entity>().filter(Column::TenantId.eq(tenant.uuid())).order_by_asc(Column::Id);
        Ok(query.all(self.0.raw()).await?.into_iter().map(read).collect())
    }

    /// How many data keys each master key wraps.
    pub async fn list_master_keys(&self) -> Result<Vec<MasterKeyUse>> {
        let sql = "SELECT master_key_id, count(*) AS n_data_keys FROM data_key GROUP BY 1 ORDER BY 1";
        let rows = self.0.query::<UseRow>(sql, vec![]).await?;
        let uses = rows.into_iter().map(|UseRow { master_key_id, n_data_keys }| MasterKeyUse {
            master_key_id,
            n_data_keys: n_data_keys.unsigned_abs(),
        });
        Ok(uses.collect())
    }

    /// Data keys that another master key than this one wraps, in the order of their places.
    pub async fn list_wrapped_otherwise(
        &self,
        master_key_id: &str,
        after: Option<DataKeyPlace>,
        limit: u64,
    ) -> Result<Vec<(TenantId, StoredDataKey)>> {
        let query = self.0.find::<Entity>().filter(Column::MasterKeyId.ne(master_key_id));
        let rows = in_order(query, after).limit(limit).all(self.0.raw()).await?;
        Ok(rows.into_iter().map(|row| (TenantId::from_uuid(row.tenant_id), read(row))).collect())
    }

    /// Data keys in use that are as old as this or sealed as often as this, in the order of their places.
    pub async fn list_due(
        &self,
        made_until: Option<DateTime<Utc>>,
        seals: u64,
        after: Option<DataKeyPlace>,
        limit: u64,
    ) -> Result<Vec<DataKeyPlace>> {
        let mut due = Condition::any().add(Column::Seals.gte(stored_count(seals)));
        if let Some(at) = made_until {
            due = due.add(Column::CreatedAt.lte(to_micros(at)));
        }
        let query = self.0.find::<Entity>().filter(Column::RetiredAt.is_null()).filter(due);
        let rows = in_order(query, after).limit(limit).all(self.0.raw()).await?;
        Ok(rows.into_iter().map(|row| (TenantId::from_uuid(row.tenant_id), DataKeyId::from_uuid(row.id))).collect())
    }

    /// Adds a data key to a tenant.
    pub async fn create(&self, tenant: TenantId, key: StoredDataKey, at: DateTime<Utc>) -> Result<()> {
        let StoredDataKey { id, master_key_id, wrapped, hash_key, seals, is_retired: _ } = key;
        let row = ActiveModel {
            tenant_id: Set(tenant.uuid()),
            id: Set(id.uuid()),
            master_key_id: Set(master_key_id),
            wrapped: Set(wrapped),
            hash_key: Set(hash_key),
            seals: Set(stored_count(seals)),
            created_at: Set(to_micros(at)),
            retired_at: Set(None),
        };
        row.insert(self.0.raw()).await?;
        Ok(())
    }

    /// Takes a data key out of use, locks it, and answers it; none when it is out of use already, so that one of several
    /// callers goes on to make the next.
    pub async fn retire(&self, (tenant, id): DataKeyPlace, at: DateTime<Utc>) -> Result<Option<StoredDataKey>> {
        let sql = "UPDATE data_key SET retired_at = $1 WHERE tenant_id = $2 AND id = $3 AND retired_at IS NULL";
        let values = vec![to_micros(at).into(), tenant.uuid().into(), id.uuid().into()];
        if self.0.execute(sql, values).await?.rows_affected() == 0 {
            return Ok(None);
        }
        let query = self.0.find::<Entity>().filter(Column::TenantId.eq(tenant.uuid())).filter(Column::Id.eq(id.uuid()));
        Ok(query.one(self.0.raw()).await?.map(read))
    }

    /// Stores how a data key is wrapped now, unless somebody else has wrapped it anew since it was read.
    pub async fn update_wrapping(
        &self,
        (tenant, id): DataKeyPlace,
        was_wrapped_by: &str,
        master_key_id: String,
        wrapped: Vec<u8>,
    ) -> Result<bool> {
        let sql = "UPDATE data_key SET master_key_id = $1, wrapped = $2
                   WHERE tenant_id = $3 AND id = $4 AND master_key_id = $5";
        let values =
            vec![master_key_id.into(), wrapped.into(), tenant.uuid().into(), id.uuid().into(), was_wrapped_by.into()];
        Ok(self.0.execute(sql, values).await?.rows_affected() == 1)
    }

    /// Adds to the number of values that a data key sealed.
    pub async fn add_seals(&self, (tenant, id): DataKeyPlace, n_seals: u64) -> Result<()> {
        let sql = "UPDATE data_key SET seals = seals + $1 WHERE tenant_id = $2 AND id = $3";
        self.0.execute(sql, vec![stored_count(n_seals).into(), tenant.uuid().into(), id.uuid().into()]).await?;
        Ok(())
    }

    /// Locks the platform tenant's row, so that its first data key and the deployment's secret are made once.
    pub async fn lock_platform(&self) -> Result<()> {
        if self.0.is_postgres() {
            let nil = PLATFORM_TENANT.uuid();
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
    pub async fn create_deployment_secret(&self, secret: Vec<u8>, at: DateTime<Utc>) -> Result<()> {
        let row = deployment::ActiveModel { id: Set(1), secret: Set(secret), created_at: Set(to_micros(at)) };
        row.insert(self.0.raw()).await?;
        Ok(())
    }
}

#[derive(FromQueryResult)]
struct UseRow {
    master_key_id: String,
    n_data_keys: i64,
}

/// In the order of places, which is also the order in which several rows are locked.
fn in_order(query: Select<Entity>, after: Option<DataKeyPlace>) -> Select<Entity> {
    let query = query.order_by_asc(Column::TenantId).order_by_asc(Column::Id);
    let Some((tenant, id)) = after else { return query };
    let same_tenant = Condition::all().add(Column::TenantId.eq(tenant.uuid())).add(Column::Id.gt(id.uuid()));
    query.filter(Condition::any().add(Column::TenantId.gt(tenant.uuid())).add(same_tenant))
}

fn stored_count(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn read(row: Model) -> StoredDataKey {
    let Model { tenant_id: _, id, master_key_id, wrapped, hash_key, seals, created_at: _, retired_at } = row;
    StoredDataKey {
        id: DataKeyId::from_uuid(id),
        master_key_id,
        wrapped,
        hash_key,
        seals: seals.unsigned_abs(),
        is_retired: retired_at.is_some(),
    }
}
