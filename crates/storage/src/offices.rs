//! Offices seen on employees, each of which may have a time zone of its own.

use gangway_domain::id::ConnectionId;
use sea_orm::{ColumnTrait as _, QueryFilter as _, QueryOrder as _};

use crate::{
    Result, TenantTx,
    entity::office::{Column, Entity, Model},
    records::batch,
};

/// Offices of the tenant.
#[derive(Debug, Clone, Copy)]
pub struct Offices<'a>(pub(crate) &'a TenantTx);

/// An office.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Office {
    /// The connection it was seen through.
    pub connection: ConnectionId,
    /// The vendor's id.
    pub external_id: String,
    /// Its name.
    pub name: String,
    /// IANA name of its zone, where it differs from the tenant's.
    pub time_zone: Option<String>,
}

impl Offices<'_> {
    /// Notes offices by vendor id and name; a zone that was set stays.
    pub async fn upsert(&self, connection: ConnectionId, offices: Vec<(String, String)>) -> Result<()> {
        let rows = offices
            .into_iter()
            .map(|(external_id, name)| vec![connection.uuid().into(), external_id.into(), name.into()])
            .collect();
        let conflict = "(tenant_id, connection_id, external_id) DO UPDATE SET name = excluded.name
                        WHERE office.name <> excluded.name";
        batch::insert(self.0, "office", &["connection_id", "external_id", "name"], conflict, rows).await?;
        Ok(())
    }

    /// A connection's offices by vendor id.
    pub async fn list(&self, connection: ConnectionId) -> Result<Vec<Office>> {
        let rows = self
            .0
            .find::<Entity>()
            .filter(Column::ConnectionId.eq(connection.uuid()))
            .order_by_asc(Column::ExternalId)
            .all(self.0.raw())
            .await?;
        Ok(rows.into_iter().map(read).collect())
    }

    /// Sets or clears an office's zone (checked by the caller); answers whether there is such an office.
    pub async fn set_time_zone(&self, connection: ConnectionId, external_id: &str, zone: Option<&str>) -> Result<bool> {
        let sql = "UPDATE office SET time_zone = $1 WHERE tenant_id = $2 AND connection_id = $3 AND external_id = $4";
        let values = vec![
            zone.map(str::to_owned).into(),
            self.0.tenant().uuid().into(),
            connection.uuid().into(),
            external_id.into(),
        ];
        Ok(self.0.execute(sql, values).await?.rows_affected() == 1)
    }
}

fn read(row: Model) -> Office {
    let Model { tenant_id: _, connection_id, external_id, name, time_zone } = row;
    Office { connection: ConnectionId::from_uuid(connection_id), external_id, name, time_zone }
}
