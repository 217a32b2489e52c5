//! Connections: a tenant's configured uses of connectors. The secret lies in [`crate::credentials`].

use chrono::{DateTime, Utc};
use gangway_domain::{
    connection::{Connection, ConnectionState},
    id::ConnectionId,
};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, LockType},
};

use crate::{
    Error, Page, PageRequest, Result, TenantTx,
    entity::connection::{ActiveModel, Column, Entity, Model},
    micros::{from_micros, from_micros_opt, to_micros},
};

/// The connections of one tenant.
#[derive(Debug, Clone, Copy)]
pub struct Connections<'a>(pub(crate) &'a TenantTx);

/// What a check or a run found out about a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// How it is.
    pub state: ConnectionState,
    /// What happened and what to do.
    pub reason: Option<String>,
    /// Set when the vendor accepted the credential just now.
    pub checked_at: Option<DateTime<Utc>>,
}

impl Connections<'_> {
    /// Adds one.
    ///
    /// # Errors
    /// [`Error::Taken`] when the tenant has a connection of that name.
    pub async fn create(&self, connection: &Connection) -> Result<()> {
        let Connection {
            id,
            connector,
            name,
            config,
            state,
            state_reason,
            credential_version,
            checked_at,
            discovered_at,
            version,
            created_at,
            updated_at,
            failures,
            paused_until,
        } = connection;
        let row = ActiveModel {
            tenant_id: Set(self.0.tenant().uuid()),
            id: Set(id.uuid()),
            connector: Set(connector.clone()),
            name: Set(name.clone()),
            config: Set(config.to_string()),
            state: Set(state.as_str().to_owned()),
            state_reason: Set(state_reason.clone()),
            credential_version: Set(*credential_version),
            checked_at: Set(checked_at.map(to_micros)),
            discovered_at: Set(discovered_at.map(to_micros)),
            version: Set(*version),
            created_at: Set(to_micros(*created_at)),
            updated_at: Set(to_micros(*updated_at)),
            failures: Set(*failures),
            paused_until: Set(paused_until.map(to_micros)),
        };
        row.insert(self.0.raw()).await?;
        Ok(())
    }

    /// The one of that id, if there is one.
    pub async fn find(&self, id: ConnectionId) -> Result<Option<Connection>> {
        let row = self.0.find::<Entity>().filter(Column::Id.eq(id.uuid())).one(self.0.raw()).await?;
        row.map(connection).transpose()
    }

    /// The one of that id.
    pub async fn get(&self, id: ConnectionId) -> Result<Connection> {
        self.find(id).await?.ok_or(Error::NotFound("connection"))
    }

    /// The one of that id, its row locked until the transaction ends, so that two changes do not cross. What belongs to it may
    /// be added meanwhile.
    pub async fn get_for_update(&self, id: ConnectionId) -> Result<Connection> {
        self.find_for_update(id).await?.ok_or(Error::NotFound("connection"))
    }

    /// The same, if there is one.
    pub async fn find_for_update(&self, id: ConnectionId) -> Result<Option<Connection>> {
        self.find_locked(id, LockType::NoKeyUpdate).await
    }

    /// The one of that id, locked against all that adds to it as well: for who deletes or renames it.
    pub async fn get_for_delete(&self, id: ConnectionId) -> Result<Connection> {
        self.find_locked(id, LockType::Update).await?.ok_or(Error::NotFound("connection"))
    }

    /// The one of that id, kept from being deleted until the transaction ends, and not from being changed.
    pub async fn find_for_key_share(&self, id: ConnectionId) -> Result<Option<Connection>> {
        self.find_locked(id, LockType::KeyShare).await
    }

    async fn find_locked(&self, id: ConnectionId, lock: LockType) -> Result<Option<Connection>> {
        let query = self.0.find::<Entity>().filter(Column::Id.eq(id.uuid()));
        // SQLite's write transactions already exclude each other.
        let query = if self.0.is_postgres() { query.lock(lock) } else { query };
        query.one(self.0.raw()).await?.map(connection).transpose()
    }

    /// A page in order of creation.
    pub async fn list(&self, page: PageRequest<ConnectionId>) -> Result<Page<Connection>> {
        let mut query = self.0.find::<Entity>();
        if let Some(after) = page.after {
            query = query.filter(Column::Id.gt(after.uuid()));
        }
        let rows = query.order_by_asc(Column::Id).limit(page.limit + 1).all(self.0.raw()).await?;
        let items = rows.into_iter().map(connection).collect::<Result<_>>()?;
        Ok(Page::from_overfetch(items, page.limit))
    }

    /// Replaces name, config, credential version and health of the row whose version is `connection.version`, and raises
    /// that version.
    ///
    /// # Errors
    /// [`Error::Stale`] when the row has another version or is gone, [`Error::Taken`] when the name is.
    pub async fn update(&self, connection: &Connection) -> Result<i64> {
        let next = connection.version + 1;
        let done = self
            .0
            .update::<Entity>()
            .filter(Column::Id.eq(connection.id.uuid()))
            .filter(Column::Version.eq(connection.version))
            .col_expr(Column::Name, Expr::value(connection.name.clone()))
            .col_expr(Column::Config, Expr::value(connection.config.to_string()))
            .col_expr(Column::CredentialVersion, Expr::value(connection.credential_version))
            .col_expr(Column::State, Expr::value(connection.state.as_str()))
            .col_expr(Column::StateReason, Expr::value(connection.state_reason.clone()))
            .col_expr(Column::UpdatedAt, Expr::value(to_micros(connection.updated_at)))
            .col_expr(Column::Version, Expr::value(next))
            .exec(self.0.raw())
            .await?;
        if done.rows_affected == 0 { Err(Error::Stale) } else { Ok(next) }
    }

    /// Notes what a check or a run found out. Health is not part of what an `ETag` guards, so the version stays.
    pub async fn set_health(&self, id: ConnectionId, health: &Health) -> Result<()> {
        let mut update = self
            .0
            .update::<Entity>()
            .filter(Column::Id.eq(id.uuid()))
            .col_expr(Column::State, Expr::value(health.state.as_str()))
            .col_expr(Column::StateReason, Expr::value(health.reason.clone()));
        if let Some(at) = health.checked_at {
            update = update.col_expr(Column::CheckedAt, Expr::value(to_micros(at)));
        }
        update.exec(self.0.raw()).await?;
        Ok(())
    }

    /// Pauses the scheduled runs after so many failed tries, until a time or until somebody acts; 0 ends the pause. Part of health.
    pub async fn set_pause(&self, id: ConnectionId, failures: i32, until: Option<DateTime<Utc>>) -> Result<()> {
        self.0
            .update::<Entity>()
            .filter(Column::Id.eq(id.uuid()))
            .col_expr(Column::Failures, Expr::value(failures))
            .col_expr(Column::PausedUntil, Expr::value(until.map(to_micros)))
            .exec(self.0.raw())
            .await?;
        Ok(())
    }

    /// Notes that the attributes were discovered.
    pub async fn set_discovered(&self, id: ConnectionId, at: DateTime<Utc>) -> Result<()> {
        self.0
            .update::<Entity>()
            .filter(Column::Id.eq(id.uuid()))
            .col_expr(Column::DiscoveredAt, Expr::value(to_micros(at)))
            .exec(self.0.raw())
            .await?;
        Ok(())
    }

    /// Deletes one with everything that belongs to it.
    pub async fn delete(&self, id: ConnectionId) -> Result<()> {
        let done = self.0.delete::<Entity>().filter(Column::Id.eq(id.uuid())).exec(self.0.raw()).await?;
        if done.rows_affected == 0 { Err(Error::NotFound("connection")) } else { Ok(()) }
    }
}

fn connection(row: Model) -> Result<Connection> {
    let Model {
        tenant_id: _,
        id,
        connector,
        name,
        config,
        state,
        state_reason,
        credential_version,
        checked_at,
        discovered_at,
        version,
        created_at,
        updated_at,
        failures,
        paused_until,
    } = row;
    Ok(Connection {
        id: ConnectionId::from_uuid(id),
        connector,
        name,
        config: serde_json::from_str(&config).map_err(|_| Error::corrupt("connection", "config is not JSON"))?,
        state: ConnectionState::parse(&state).ok_or_else(|| Error::corrupt("connection", "unknown state"))?,
        state_reason,
        credential_version,
        checked_at: from_micros_opt(checked_at)?,
        discovered_at: from_micros_opt(discovered_at)?,
        version,
        created_at: from_micros(created_at)?,
        updated_at: from_micros(updated_at)?,
        failures,
        paused_until: from_micros_opt(paused_until)?,
    })
}
