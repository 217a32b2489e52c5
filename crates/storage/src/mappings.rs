//! The mappings of connections.

use gangway_domain::{id::ConnectionId, mapping::Mapping};
use sea_orm::{FromQueryResult, Value};
use uuid::Uuid;

use crate::{
    Error, Result, TenantTx,
    micros::{from_micros, to_micros},
    records::batch,
};

/// Mappings of the tenant's connections.
#[derive(Debug, Clone, Copy)]
pub struct Mappings<'a>(pub(crate) &'a TenantTx);

#[derive(FromQueryResult)]
struct Row {
    connection_id: Uuid,
    version: i64,
    applied_version: i64,
    fields: String,
    updated_at: i64,
}

impl Mappings<'_> {
    /// The mapping of a connection; the built-in one when nobody has said anything.
    pub async fn get(&self, connection: ConnectionId) -> Result<Mapping> {
        let found = self.list(&[connection]).await?.into_iter().next();
        Ok(found.unwrap_or_else(|| Mapping::built_in(connection)))
    }

    /// Those of these connections about which somebody has said something.
    pub async fn list(&self, connections: &[ConnectionId]) -> Result<Vec<Mapping>> {
        let mut mappings = Vec::new();
        for chunk in connections.chunks(batch::CHUNK) {
            let sql = format!(
                "SELECT connection_id, version, applied_version, fields, updated_at FROM mapping
                 WHERE tenant_id = $1 AND connection_id IN ({})",
                batch::places(2, chunk.len())
            );
            let mut values: Vec<Value> = vec![self.0.tenant().uuid().into()];
            values.extend(chunk.iter().map(|id| Value::from(id.uuid())));
            for row in self.0.query::<Row>(&sql, values).await? {
                mappings.push(read(row)?);
            }
        }
        Ok(mappings)
    }

    /// Those of all connections about which somebody has said something.
    pub async fn list_all(&self) -> Result<Vec<Mapping>> {
        let sql =
            "SELECT connection_id, version, applied_version, fields, updated_at FROM mapping WHERE tenant_id = $1";
        let rows: Vec<Row> = self.0.query(sql, vec![self.0.tenant().uuid().into()]).await?;
        rows.into_iter().map(read).collect()
    }

    /// Stores a mapping. The caller holds the connection's row and has raised the version.
    ///
    /// # Errors
    /// [`Error::MissingReference`] when there is no such connection.
    pub async fn upsert(&self, mapping: &Mapping) -> Result<()> {
        let Mapping { connection, version, applied_version, fields, updated_at } = mapping;
        let fields = serde_json::to_string(fields).map_err(|_| Error::corrupt("mapping", "not JSON"))?;
        let row = vec![
            connection.uuid().into(),
            (*version).into(),
            (*applied_version).into(),
            fields.into(),
            updated_at.map_or(0, to_micros).into(),
        ];
        let columns = ["connection_id", "version", "applied_version", "fields", "updated_at"];
        let conflict = format!("(tenant_id, connection_id) DO UPDATE SET {}", batch::take_over(&columns));
        batch::insert(self.0, "mapping", &columns, &conflict, vec![row]).await?;
        Ok(())
    }

    /// Notes that every stored record follows this version, unless there is a newer one. Answers whether it was noted.
    pub async fn set_applied(&self, connection: ConnectionId, version: i64) -> Result<bool> {
        let sql =
            "UPDATE mapping SET applied_version = version WHERE tenant_id = $1 AND connection_id = $2 AND version = $3";
        let values = vec![self.0.tenant().uuid().into(), connection.uuid().into(), version.into()];
        Ok(self.0.execute(sql, values).await?.rows_affected() == 1)
    }
}

fn read(row: Row) -> Result<Mapping> {
    let Row { connection_id, version, applied_version, fields, updated_at } = row;
    Ok(Mapping {
        connection: ConnectionId::from_uuid(connection_id),
        version,
        applied_version,
        fields: serde_json::from_str(&fields).map_err(|_| Error::corrupt("mapping", "fields are not JSON"))?,
        updated_at: Some(from_micros(updated_at)?),
    })
}
