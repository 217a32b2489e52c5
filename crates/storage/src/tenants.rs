//! Tenants. Creating, listing and changing them crosses tenants, so it is the system role's.

use gangway_domain::{
    id::{PLATFORM_TENANT, TenantId},
    tenant::{Tenant, TenantState},
};
use sea_orm::{
    ActiveModelTrait as _, ActiveValue::Set, ColumnTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
    sea_query::LockType,
};

use crate::{
    Error, Page, PageRequest, Result, SystemTx,
    entity::tenant::{ActiveModel, Column, Entity, Model},
    micros::{from_micros, to_micros},
};

/// Tenants, for the system role.
#[derive(Debug, Clone, Copy)]
pub struct SystemTenants<'a>(pub(crate) &'a SystemTx);

impl SystemTenants<'_> {
    /// The tenant, or none. The platform tenant is never answered: nobody acts in it.
    pub async fn find(&self, id: TenantId) -> Result<Option<Tenant>> {
        if id == PLATFORM_TENANT {
            return Ok(None);
        }
        self.0.find::<Entity>().filter(Column::Id.eq(id.uuid())).one(self.0.raw()).await?.map(read).transpose()
    }

    /// The tenant, or none, for a change: who changes it too waits for the end of this transaction.
    pub async fn find_for_update(&self, id: TenantId) -> Result<Option<Tenant>> {
        if id == PLATFORM_TENANT {
            return Ok(None);
        }
        let query = self.0.find::<Entity>().filter(Column::Id.eq(id.uuid())).lock(LockType::NoKeyUpdate);
        query.one(self.0.raw()).await?.map(read).transpose()
    }

    /// Tenants in creation order.
    pub async fn list(&self, page: PageRequest<TenantId>) -> Result<Page<Tenant>> {
        let after = page.after.unwrap_or(PLATFORM_TENANT);
        let rows = self
            .0
            .find::<Entity>()
            .filter(Column::Id.gt(after.uuid()))
            .order_by_asc(Column::Id)
            .limit(page.limit + 1)
            .all(self.0.raw())
            .await?;
        Ok(Page::from_overfetch(rows.into_iter().map(read).collect::<Result<_>>()?, page.limit))
    }

    /// Adds a tenant.
    ///
    /// # Errors
    /// [`Error::Taken`] when another tenant has the name.
    pub async fn create(&self, tenant: &Tenant) -> Result<()> {
        write(tenant).insert(self.0.raw()).await?;
        Ok(())
    }

    /// Stores a changed tenant, whose `version` is already the new one. The waiting jobs of one that is resumed rest until they are put
    /// back ([`SystemQueue::put_back`](crate::queue::SystemQueue::put_back)).
    ///
    /// # Errors
    /// [`Error::Stale`] when somebody changed it in between; [`Error::Taken`] when another tenant has the name.
    pub async fn update(&self, tenant: &Tenant) -> Result<()> {
        let changed = self
            .0
            .execute(
                "UPDATE tenant SET name = $1, time_zone = $2, state = $3, version = $4, updated_at = $5
                 WHERE id = $6 AND version = $7",
                vec![
                    tenant.name.as_str().into(),
                    tenant.time_zone.name().into(),
                    tenant.state.as_str().into(),
                    tenant.version.into(),
                    to_micros(tenant.updated_at).into(),
                    tenant.id.uuid().into(),
                    (tenant.version - 1).into(),
                ],
            )
            .await?;
        if changed.rows_affected() == 1 { Ok(()) } else { Err(Error::Stale) }
    }
}

/// The tenant's own row, as the application role sees it.
pub(crate) async fn find_own(tx: &crate::TenantTx) -> Result<Option<Tenant>> {
    tx.find::<Entity>().one(tx.raw()).await?.map(read).transpose()
}

fn write(tenant: &Tenant) -> ActiveModel {
    let Tenant { id, name, time_zone, state, version, created_at, updated_at } = tenant;
    ActiveModel {
        id: Set(id.uuid()),
        name: Set(name.clone()),
        time_zone: Set(time_zone.name().to_owned()),
        state: Set(state.as_str().to_owned()),
        settings: Set("{}".to_owned()),
        version: Set(*version),
        created_at: Set(to_micros(*created_at)),
        updated_at: Set(to_micros(*updated_at)),
    }
}

fn read(row: Model) -> Result<Tenant> {
    let Model { id, name, time_zone, state, settings: _, version, created_at, updated_at } = row;
    Ok(Tenant {
        id: TenantId::from_uuid(id),
        name,
        time_zone: time_zone.parse().map_err(|_| Error::corrupt("tenant", "unknown time zone"))?,
        state: TenantState::parse(&state).ok_or_else(|| Error::corrupt("tenant", "unknown state"))?,
        version,
        created_at: from_micros(created_at)?,
        updated_at: from_micros(updated_at)?,
    })
}
