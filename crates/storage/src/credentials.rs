//! Credential versions: sealed bytes that only `app::connections::open` can read. Old versions are kept sealed until their
//! connection goes, since runs and events name the version they worked with.

use std::fmt;

use chrono::{DateTime, Utc};
use gangway_domain::id::{ConnectionId, CredentialId};
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ColumnTrait, QueryFilter, sea_query::Expr};

use crate::{
    Error, Result, TenantTx,
    entity::credential::{ActiveModel, Column, Entity, Model},
    micros::{from_micros, from_micros_opt, to_micros},
};

/// The credential versions of one tenant.
#[derive(Debug, Clone, Copy)]
pub struct Credentials<'a>(pub(crate) &'a TenantTx);

/// One version of a connection's secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    /// Identity; the sealed bytes are bound to it.
    pub id: CredentialId,
    /// Whose secret.
    pub connection: ConnectionId,
    /// From 1.
    pub version: i32,
    /// The secret, sealed.
    pub sealed: Vec<u8>,
    /// Names the vendor budget that it joins once it authenticated.
    pub budget_key: [u8; 32],
    /// When the vendor first accepted it.
    pub authenticated_at: Option<DateTime<Utc>>,
    /// When it was stored.
    pub created_at: DateTime<Utc>,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").field("id", &self.id).field("version", &self.version).finish_non_exhaustive()
    }
}

impl Credentials<'_> {
    /// Adds a version.
    pub async fn create(&self, credential: &Credential) -> Result<()> {
        let Credential { id, connection, version, sealed, budget_key, authenticated_at, created_at } = credential;
        let row = ActiveModel {
            tenant_id: Set(self.0.tenant().uuid()),
            id: Set(id.uuid()),
            connection_id: Set(connection.uuid()),
            version: Set(*version),
            sealed: Set(sealed.clone()),
            budget_key: Set(budget_key.to_vec()),
            authenticated_at: Set(authenticated_at.map(to_micros)),
            created_at: Set(to_micros(*created_at)),
        };
        row.insert(self.0.raw()).await?;
        Ok(())
    }

    /// One version of a connection's secret.
    pub async fn get(&self, connection: ConnectionId, version: i32) -> Result<Credential> {
        let row = self
            .0
            .find::<Entity>()
            .filter(Column::ConnectionId.eq(connection.uuid()))
            .filter(Column::Version.eq(version))
            .one(self.0.raw())
            .await?;
        row.map(credential).transpose()?.ok_or(Error::NotFound("credential"))
    }

    /// Notes the first time the vendor accepted it; later calls change nothing.
    pub async fn set_authenticated(&self, id: CredentialId, at: DateTime<Utc>) -> Result<()> {
        self.0
            .update::<Entity>()
            .filter(Column::Id.eq(id.uuid()))
            .filter(Column::AuthenticatedAt.is_null())
            .col_expr(Column::AuthenticatedAt, Expr::value(to_micros(at)))
            .exec(self.0.raw())
            .await?;
        Ok(())
    }
}

fn credential(row: Model) -> Result<Credential> {
    let Model { tenant_id: _, id, connection_id, version, sealed, budget_key, authenticated_at, created_at } = row;
    Ok(Credential {
        id: CredentialId::from_uuid(id),
        connection: ConnectionId::from_uuid(connection_id),
        version,
        sealed,
        budget_key: budget_key
            .try_into()
            .map_err(|_| Error::corrupt("credential", "the budget key has not 32 bytes"))?,
        authenticated_at: from_micros_opt(authenticated_at)?,
        created_at: from_micros(created_at)?,
    })
}
