//! Discovered attributes of connections, their classes, and whether the tenant wants them.

use chrono::{DateTime, Utc};
use gangway_domain::{
    id::{AttributeId, ConnectionId, SyncRunId},
    record::Stream,
    schema::{AttributeClass, AttributeType},
    sync::SyncRun,
};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, FromQueryResult, Insert, QueryFilter, QueryOrder, TryInsertResult, Value,
    sea_query::Expr,
};
use uuid::Uuid;

use crate::{
    Error, Result, TenantTx,
    entity::attribute::{ActiveModel, Column, Entity, Model},
    micros::{from_micros, from_micros_opt, to_micros},
    records::batch,
};

/// The attributes of one tenant's connections.
#[derive(Debug, Clone, Copy)]
pub struct Attributes<'a>(pub(crate) &'a TenantTx);

/// One attribute of a connection, as discovered and as chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Identity.
    pub id: AttributeId,
    /// Whose account.
    pub connection: ConnectionId,
    /// On which records.
    pub stream: Stream,
    /// The vendor's key.
    pub key: String,
    /// What an admin knows it by.
    pub label: String,
    /// Type.
    pub kind: AttributeType,
    /// The name that is the same in every account, if any.
    pub universal_id: Option<String>,
    /// Choices of a list.
    pub options: Vec<String>,
    /// Made by the company rather than by the vendor.
    pub is_custom: bool,
    /// The canonical field it feeds, if any.
    pub canonical_field: Option<String>,
    /// How its values are treated.
    pub class: AttributeClass,
    /// Why.
    pub class_reason: String,
    /// Whether its values are stored.
    pub selected: bool,
    /// Place in the vendor's order.
    pub position: i32,
    /// When it was first seen.
    pub first_seen_at: DateTime<Utc>,
    /// When it was last seen.
    pub last_seen_at: DateTime<Utc>,
    /// Since when the account no longer shows it.
    pub removed_at: Option<DateTime<Utc>>,
    /// Since when it comes on nobody's record any more, though it did.
    pub restricted_at: Option<DateTime<Utc>>,
}

/// An attribute whose values are not kept in clear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotInClear {
    /// Whose account.
    pub connection: ConnectionId,
    /// The vendor's key.
    pub key: String,
    /// The canonical field it feeds, if any.
    pub canonical_field: Option<String>,
    /// They are kept sealed; else they are not kept.
    pub is_sealed: bool,
}

#[derive(FromQueryResult)]
struct Hiding {
    connection_id: Uuid,
}

/// Whether the canonical field of attribute `a` is fed by one that is stored in clear; `$1`, `$2` and `$3` are the tenant, the stream
/// and the class of those. It names no column of `a` inside, so that it is looked up once and not for each attribute.
fn fed_in_clear(of_those: &str) -> String {
    format!(
        "(a.connection_id, a.canonical_field) IN (SELECT f.connection_id, f.canonical_field FROM attribute f
           WHERE f.tenant_id = $1 AND f.stream = $2 AND f.class = $3 AND f.selected AND f.canonical_field {of_those})"
    )
}

#[derive(FromQueryResult)]
struct NotInClearRow {
    connection_id: Uuid,
    key: String,
    canonical_field: Option<String>,
    selected: bool,
}

impl Attributes<'_> {
    /// All attributes of a connection, by stream and then in the vendor's order, removed ones included.
    pub async fn list(&self, connection: ConnectionId) -> Result<Vec<Attribute>> {
        let rows = self
            .0
            .find::<Entity>()
            .filter(Column::ConnectionId.eq(connection.uuid()))
            .order_by_asc(Column::Stream)
            .order_by_asc(Column::Position)
            .order_by_asc(Column::Id)
            .all(self.0.raw())
            .await?;
        rows.into_iter().map(attribute).collect()
    }

    /// The attributes of one stream.
    pub async fn list_stream(&self, connection: ConnectionId, stream: Stream) -> Result<Vec<Attribute>> {
        let rows = self
            .0
            .find::<Entity>()
            .filter(Column::ConnectionId.eq(connection.uuid()))
            .filter(Column::Stream.eq(stream.as_str()))
            .order_by_asc(Column::Position)
            .order_by_asc(Column::Id)
            .all(self.0.raw())
            .await?;
        rows.into_iter().map(attribute).collect()
    }

    /// Those of these connections whose values are not kept in clear. A canonical field that another attribute feeds in clear is
    /// not theirs.
    pub async fn list_not_in_clear(&self, connections: &[ConnectionId], stream: Stream) -> Result<Vec<NotInClear>> {
        let mut attributes = Vec::new();
        for chunk in connections.chunks(500) {
            let connections = batch::places(4, chunk.len());
            let fed_in_clear = fed_in_clear(&format!("IS NOT NULL AND f.connection_id IN ({connections})"));
            let sql = format!(
                "SELECT a.connection_id, a.key, a.selected, CASE WHEN {fed_in_clear} THEN NULL ELSE a.canonical_field END
                   AS canonical_field
                 FROM attribute a WHERE a.tenant_id = $1 AND a.stream = $2 AND (a.class <> $3 OR NOT a.selected)
                   AND a.connection_id IN ({connections})"
            );
            let mut values: Vec<Value> =
                vec![self.0.tenant().uuid().into(), stream.as_str().into(), AttributeClass::Standard.as_str().into()];
            values.extend(chunk.iter().map(|id| Value::from(id.uuid())));
            let rows: Vec<NotInClearRow> = self.0.query(&sql, values).await?;
            attributes.extend(rows.into_iter().map(|row| NotInClear {
                connection: ConnectionId::from_uuid(row.connection_id),
                key: row.key,
                canonical_field: row.canonical_field,
                is_sealed: row.selected,
            }));
        }
        Ok(attributes)
    }

    /// Adds one, unless its stream has one of that key; answers whether it was added. Waits for nobody but who adds the same.
    ///
    /// # Errors
    /// [`Error::MissingReference`] when there is no such connection.
    pub async fn create(&self, attribute: &Attribute) -> Result<bool> {
        let key = [Column::TenantId, Column::ConnectionId, Column::Stream, Column::Key];
        let insert = Insert::one(self.row(attribute)?).on_conflict_do_nothing_on(key);
        let inserted = insert.exec_without_returning(self.0.raw()).await?;
        Ok(matches!(inserted, TryInsertResult::Inserted(n) if n > 0))
    }

    /// Closes the attributes that a connection's company made, until a list names them anew: sensitive and not selected, for
    /// this reason.
    pub async fn close_custom(&self, connection: ConnectionId, reason: &str) -> Result<()> {
        self.0
            .update::<Entity>()
            .filter(Column::ConnectionId.eq(connection.uuid()))
            .filter(Column::IsCustom.eq(true))
            .col_expr(Column::Class, Expr::value(AttributeClass::Sensitive.as_str()))
            .col_expr(Column::ClassReason, Expr::value(reason))
            .col_expr(Column::Selected, Expr::value(false))
            .exec(self.0.raw())
            .await?;
        Ok(())
    }

    /// The connections that keep a canonical field, but not in clear: some attribute feeds it, and none that does is stored.
    pub async fn list_hiding(&self, stream: Stream, field: &str) -> Result<Vec<ConnectionId>> {
        let sql = format!(
            "SELECT DISTINCT a.connection_id FROM attribute a
             WHERE a.tenant_id = $1 AND a.stream = $2 AND a.canonical_field = $4 AND NOT {}",
            fed_in_clear("= $4")
        );
        let values = vec![
            self.0.tenant().uuid().into(),
            stream.as_str().into(),
            AttributeClass::Standard.as_str().into(),
            field.into(),
        ];
        let rows: Vec<Hiding> = self.0.query(&sql, values).await?;
        Ok(rows.into_iter().map(|row| ConnectionId::from_uuid(row.connection_id)).collect())
    }

    /// Replaces one, key and connection apart.
    pub async fn update(&self, attribute: &Attribute) -> Result<()> {
        let done = self
            .0
            .update::<Entity>()
            .filter(Column::Id.eq(attribute.id.uuid()))
            .set(self.row(attribute)?)
            .exec(self.0.raw())
            .await?;
        if done.rows_affected == 0 { Err(Error::NotFound("attribute")) } else { Ok(()) }
    }

    /// Notes that these were seen again unchanged.
    pub async fn touch(&self, connection: ConnectionId, ids: &[AttributeId], at: DateTime<Utc>) -> Result<()> {
        for chunk in ids.chunks(500) {
            self.0
                .update::<Entity>()
                .filter(Column::ConnectionId.eq(connection.uuid()))
                .filter(Column::Id.is_in(chunk.iter().map(|id| id.uuid())))
                .col_expr(Column::LastSeenAt, Expr::value(to_micros(at)))
                .exec(self.0.raw())
                .await?;
        }
        Ok(())
    }

    /// Notes that these came on records that a run read. A table of its own: pages must not lock what a discovery changes.
    pub async fn upsert_sightings(
        &self,
        connection: ConnectionId,
        stream: Stream,
        keys: &[&str],
        run: SyncRunId,
    ) -> Result<()> {
        for chunk in keys.chunks(500) {
            let sql = format!(
                "INSERT INTO attribute_sighting (tenant_id, attribute_id, run_id)
                 SELECT tenant_id, id, $1 FROM attribute
                 WHERE tenant_id = $2 AND connection_id = $3 AND stream = $4 AND key IN ({})
                 ON CONFLICT (tenant_id, attribute_id) DO UPDATE SET run_id = excluded.run_id",
                batch::places(5, chunk.len())
            );
            let mut values: Vec<Value> = vec![
                run.uuid().into(),
                self.0.tenant().uuid().into(),
                connection.uuid().into(),
                stream.as_str().into(),
            ];
            values.extend(chunk.iter().map(|key| Value::from(*key)));
            self.0.execute(&sql, values).await?;
        }
        Ok(())
    }

    /// Attributes that came on records of an earlier run, and on none of this one.
    pub async fn list_unseen(&self, run: &SyncRun) -> Result<Vec<Attribute>> {
        self.list_sighted(run, "s.run_id <> $4").await
    }

    /// Attributes that came on records of this run, though they had been missing.
    pub async fn list_back(&self, run: &SyncRun) -> Result<Vec<Attribute>> {
        self.list_sighted(run, "s.run_id = $4 AND a.restricted_at IS NOT NULL").await
    }

    async fn list_sighted(&self, run: &SyncRun, condition: &str) -> Result<Vec<Attribute>> {
        let sql = format!(
            "SELECT a.* FROM attribute a
             JOIN attribute_sighting s ON s.tenant_id = a.tenant_id AND s.attribute_id = a.id
             WHERE a.tenant_id = $1 AND a.connection_id = $2 AND a.stream = $3 AND {condition}
             ORDER BY a.position, a.id"
        );
        let values = vec![
            self.0.tenant().uuid().into(),
            run.connection.uuid().into(),
            run.stream.as_str().into(),
            run.id.uuid().into(),
        ];
        self.0.query::<Model>(&sql, values).await?.into_iter().map(attribute).collect()
    }

    /// Those of these connections that were kept and are shown no more, or come on nobody's record any more.
    pub async fn list_missing(&self, connections: &[ConnectionId]) -> Result<Vec<Attribute>> {
        let mut missing = Vec::new();
        for chunk in connections.chunks(500) {
            let rows = self
                .0
                .find::<Entity>()
                .filter(Column::ConnectionId.is_in(chunk.iter().map(|id| id.uuid())))
                .filter(Column::Selected.eq(true))
                .filter(Condition::any().add(Column::RestrictedAt.is_not_null()).add(Column::RemovedAt.is_not_null()))
                .order_by_asc(Column::Position)
                .order_by_asc(Column::Id)
                .all(self.0.raw())
                .await?;
            missing.extend(rows.into_iter().map(attribute).collect::<Result<Vec<_>>>()?);
        }
        Ok(missing)
    }

    fn row(self, attribute: &Attribute) -> Result<ActiveModel> {
        let Attribute {
            id,
            connection,
            stream,
            key,
            label,
            kind,
            universal_id,
            options,
            is_custom,
            canonical_field,
            class,
            class_reason,
            selected,
            position,
            first_seen_at,
            last_seen_at,
            removed_at,
            restricted_at,
        } = attribute;
        Ok(ActiveModel {
            tenant_id: Set(self.0.tenant().uuid()),
            id: Set(id.uuid()),
            connection_id: Set(connection.uuid()),
            stream: Set(stream.as_str().to_owned()),
            key: Set(key.clone()),
            label: Set(label.clone()),
            kind: Set(kind.as_str().to_owned()),
            universal_id: Set(universal_id.clone()),
            options: Set(serde_json::to_string(options)
                .map_err(|_| Error::corrupt("attribute", "options cannot be written as JSON"))?),
            is_custom: Set(*is_custom),
            canonical_field: Set(canonical_field.clone()),
            class: Set(class.as_str().to_owned()),
            class_reason: Set(class_reason.clone()),
            selected: Set(*selected),
            position: Set(*position),
            first_seen_at: Set(to_micros(*first_seen_at)),
            last_seen_at: Set(to_micros(*last_seen_at)),
            removed_at: Set(removed_at.map(to_micros)),
            restricted_at: Set(restricted_at.map(to_micros)),
        })
    }
}

fn attribute(row: Model) -> Result<Attribute> {
    let Model {
        tenant_id: _,
        id,
        connection_id,
        stream,
        key,
        label,
        kind,
        universal_id,
        options,
        is_custom,
        canonical_field,
        class,
        class_reason,
        selected,
        position,
        first_seen_at,
        last_seen_at,
        removed_at,
        restricted_at,
    } = row;
    Ok(Attribute {
        id: AttributeId::from_uuid(id),
        connection: ConnectionId::from_uuid(connection_id),
        stream: Stream::parse(&stream).ok_or_else(|| Error::corrupt("attribute", "unknown stream"))?,
        key,
        label,
        kind: AttributeType::parse(&kind).ok_or_else(|| Error::corrupt("attribute", "unknown type"))?,
        universal_id,
        options: serde_json::from_str(&options).map_err(|_| Error::corrupt("attribute", "options are not JSON"))?,
        is_custom,
        canonical_field,
        class: AttributeClass::parse(&class).ok_or_else(|| Error::corrupt("attribute", "unknown class"))?,
        class_reason,
        selected,
        position,
        first_seen_at: from_micros(first_seen_at)?,
        last_seen_at: from_micros(last_seen_at)?,
        removed_at: from_micros_opt(removed_at)?,
        restricted_at: from_micros_opt(restricted_at)?,
    })
}
