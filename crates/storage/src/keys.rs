//! API keys: hashes, never texts.

use chrono::{DateTime, Utc};
use gangway_domain::{
    id::{KeyId, PLATFORM_TENANT, TenantId},
    principal::{ApiKey, KeyKind, Scope},
    tenant::TenantState,
};
use sea_orm::{
    ActiveModelTrait as _, ActiveValue::Set, ColumnTrait as _, FromQueryResult, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};

use crate::{
    Error, Page, PageRequest, Result, SystemTx, TenantScope, TenantTx,
    entity::api_key::{ActiveModel, Column, Entity, Model},
    micros::{from_micros, from_micros_opt, to_micros},
};

/// The tenant's keys.
#[derive(Debug, Clone, Copy)]
pub struct Keys<'a>(pub(crate) &'a TenantTx);

impl Keys<'_> {
    /// Adds a key by the hash of its text.
    pub async fn create(&self, key: &ApiKey, hash: &[u8; 32]) -> Result<()> {
        debug_assert_eq!(key.tenant, self.0.tenant());
        write(key, hash)?.insert(self.0.raw()).await?;
        Ok(())
    }

    /// The key, or none.
    pub async fn find(&self, id: KeyId) -> Result<Option<ApiKey>> {
        self.0.find::<Entity>().filter(Column::Id.eq(id.uuid())).one(self.0.raw()).await?.map(read).transpose()
    }

    /// Keys in creation order, revoked ones too.
    pub async fn list(&self, page: PageRequest<KeyId>) -> Result<Page<ApiKey>> {
        let mut query = self.0.find::<Entity>().order_by_asc(Column::Id).limit(page.limit + 1);
        if let Some(after) = page.after {
            query = query.filter(Column::Id.gt(after.uuid()));
        }
        let rows = query.all(self.0.raw()).await?;
        Ok(Page::from_overfetch(rows.into_iter().map(read).collect::<Result<_>>()?, page.limit))
    }

    /// Ends a key; ending it again changes nothing.
    pub async fn revoke(&self, id: KeyId, at: DateTime<Utc>) -> Result<()> {
        let sql = "UPDATE api_key SET revoked_at = $1 WHERE tenant_id = $2 AND id = $3 AND revoked_at IS NULL";
        self.0.execute(sql, vec![to_micros(at).into(), self.0.tenant().uuid().into(), id.uuid().into()]).await?;
        Ok(())
    }
}

/// Operators' keys, which belong to the platform tenant.
#[derive(Debug, Clone, Copy)]
pub struct OperatorKeys<'a>(&'a SystemTx);

impl SystemTx {
    /// Operators' keys.
    pub const fn operator_keys(&self) -> OperatorKeys<'_> {
        OperatorKeys(self)
    }
}

impl OperatorKeys<'_> {
    /// Adds an operator's key by the hash of its text.
    pub async fn create(&self, key: &ApiKey, hash: &[u8; 32]) -> Result<()> {
        debug_assert_eq!(key.tenant, PLATFORM_TENANT);
        write(key, hash)?.insert(self.0.raw()).await?;
        Ok(())
    }

    /// Operators' keys in creation order, revoked ones too.
    pub async fn list(&self) -> Result<Vec<ApiKey>> {
        let rows = self
            .0
            .find::<Entity>()
            .filter(Column::TenantId.eq(PLATFORM_TENANT.uuid()))
            .order_by_asc(Column::Id)
            .all(self.0.raw())
            .await?;
        rows.into_iter().map(read).collect()
    }

    /// Ends an operator's key; answers whether there is one.
    pub async fn revoke(&self, id: KeyId, at: DateTime<Utc>) -> Result<bool> {
        let sql = "UPDATE api_key SET revoked_at = coalesce(revoked_at, $1) WHERE tenant_id = $2 AND id = $3";
        let values = vec![to_micros(at).into(), PLATFORM_TENANT.uuid().into(), id.uuid().into()];
        Ok(self.0.execute(sql, values).await?.rows_affected() == 1)
    }
}

#[derive(FromQueryResult)]
struct HolderRow {
    #[sea_orm(nested)]
    key: Model,
    tenant_state: String,
}

/// A key that somebody presented, with the scope it proves. Only [`crate::Db::authenticate`] makes one.
#[derive(Debug, Clone)]
pub struct KeyHolder {
    key: ApiKey,
    tenant: TenantState,
}

impl KeyHolder {
    /// The key.
    pub const fn key(&self) -> &ApiKey {
        &self.key
    }

    /// Whether its tenant's work runs.
    pub const fn tenant_state(&self) -> TenantState {
        self.tenant
    }

    /// The scope of its tenant; none for an operator's key, which proves no tenant.
    pub fn scope(&self) -> Option<TenantScope> {
        (self.key.kind == KeyKind::Tenant).then(|| TenantScope::new(self.key.tenant))
    }
}

/// Whoever holds the key with this hash, in any tenant.
pub(crate) async fn find_holder(tx: &SystemTx, hash: &[u8; 32]) -> Result<Option<KeyHolder>> {
    let sql =
        "SELECT k.*, t.state AS tenant_state FROM api_key k JOIN tenant t ON t.id = k.tenant_id WHERE k.hash = $1";
    let rows: Vec<HolderRow> = tx.query(sql, vec![hash.to_vec().into()]).await?;
    let Some(HolderRow { key, tenant_state }) = rows.into_iter().next() else { return Ok(None) };
    let key = read(key)?;
    // What a row says of itself is not enough: only the platform tenant's rows are out of tenants' reach.
    if (key.kind == KeyKind::Operator) != (key.tenant == PLATFORM_TENANT) {
        return Ok(None);
    }
    let tenant = match key.kind {
        KeyKind::Operator => TenantState::Active,
        KeyKind::Tenant => {
            TenantState::parse(&tenant_state).ok_or_else(|| Error::corrupt("tenant", "unknown state"))?
        }
    };
    Ok(Some(KeyHolder { key, tenant }))
}

fn write(key: &ApiKey, hash: &[u8; 32]) -> Result<ActiveModel> {
    let ApiKey { id, kind, tenant, name, scopes, created_at, expires_at, revoked_at } = key;
    Ok(ActiveModel {
        tenant_id: Set(tenant.uuid()),
        id: Set(id.uuid()),
        kind: Set(kind.as_str().to_owned()),
        name: Set(name.clone()),
        hash: Set(hash.to_vec()),
        scopes: Set(serde_json::to_string(scopes).map_err(|_| Error::corrupt("api_key", "scopes"))?),
        created_at: Set(to_micros(*created_at)),
        expires_at: Set(expires_at.map(to_micros)),
        revoked_at: Set(revoked_at.map(to_micros)),
    })
}

fn read(row: Model) -> Result<ApiKey> {
    let Model { tenant_id, id, kind, name, hash: _, scopes, created_at, expires_at, revoked_at } = row;
    // A scope that a newer version wrote is left out rather than refused: both versions run during an upgrade.
    let names: Vec<String> = serde_json::from_str(&scopes).map_err(|_| Error::corrupt("api_key", "scopes"))?;
    Ok(ApiKey {
        id: KeyId::from_uuid(id),
        kind: KeyKind::parse(&kind).ok_or_else(|| Error::corrupt("api_key", "unknown kind"))?,
        tenant: TenantId::from_uuid(tenant_id),
        name,
        scopes: names.iter().filter_map(|name| Scope::parse(name)).collect(),
        created_at: from_micros(created_at)?,
        expires_at: from_micros_opt(expires_at)?,
        revoked_at: from_micros_opt(revoked_at)?,
    })
}
