//! Syncs: the standing orders, and finding those whose schedule is due.

use chrono::{DateTime, Utc};
use gangway_domain::{
    id::{ConnectionId, SyncId, SyncRunId, TenantId},
    record::Stream,
    sync::Sync,
    tenant::Tenant,
};
use sea_orm::{
    ActiveModelTrait as _, ActiveValue::Set, ColumnTrait as _, FromQueryResult, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};
use uuid::Uuid;

use crate::{
    Error, Page, PageRequest, Result, SystemTx, TenantScope, TenantTx,
    entity::sync::{ActiveModel, Column, Entity, Model},
    micros::{from_micros, from_micros_opt, to_micros},
    tenants,
};

/// The tenant's syncs.
#[derive(Debug, Clone, Copy)]
pub struct Syncs<'a>(pub(crate) &'a TenantTx);

impl Syncs<'_> {
    /// Adds a sync.
    ///
    /// # Errors
    /// [`Error::Taken`] when the connection's stream has one; [`Error::MissingReference`] when there is no such connection.
    pub async fn create(&self, sync: &Sync) -> Result<()> {
        write(self.0.tenant(), sync).insert(self.0.raw()).await?;
        Ok(())
    }

    /// The sync, or none.
    pub async fn find(&self, id: SyncId) -> Result<Option<Sync>> {
        self.0.find::<Entity>().filter(Column::Id.eq(id.uuid())).one(self.0.raw()).await?.map(read).transpose()
    }

    /// The sync.
    pub async fn get(&self, id: SyncId) -> Result<Sync> {
        self.find(id).await?.ok_or(Error::NotFound("sync"))
    }

    /// The sync, locked until the transaction ends.
    pub async fn get_locked(&self, id: SyncId) -> Result<Sync> {
        self.find_locked(id).await?.ok_or(Error::NotFound("sync"))
    }

    /// The same, or none.
    pub async fn find_locked(&self, id: SyncId) -> Result<Option<Sync>> {
        let row = self.0.find::<Entity>().filter(Column::Id.eq(id.uuid())).lock_exclusive().one(self.0.raw()).await?;
        row.map(read).transpose()
    }

    /// The sync of a connection's stream.
    pub async fn find_by_stream(&self, connection: ConnectionId, stream: Stream) -> Result<Option<Sync>> {
        let row = self
            .0
            .find::<Entity>()
            .filter(Column::ConnectionId.eq(connection.uuid()))
            .filter(Column::Stream.eq(stream.as_str()))
            .one(self.0.raw())
            .await?;
        row.map(read).transpose()
    }

    /// Syncs in creation order, of one connection or of all.
    pub async fn list(&self, connection: Option<ConnectionId>, page: PageRequest<SyncId>) -> Result<Page<Sync>> {
        let mut query = self.0.find::<Entity>();
        if let Some(connection) = connection {
            query = query.filter(Column::ConnectionId.eq(connection.uuid()));
        }
        if let Some(after) = page.after {
            query = query.filter(Column::Id.gt(after.uuid()));
        }
        let rows = query.order_by_asc(Column::Id).limit(page.limit + 1).all(self.0.raw()).await?;
        Ok(Page::from_overfetch(rows.into_iter().map(read).collect::<Result<_>>()?, page.limit))
    }

    /// Stores a sync with another schedule, whose `version` is already the new one.
    ///
    /// # Errors
    /// [`Error::Stale`] when somebody changed it in between.
    pub async fn update(&self, sync: &Sync) -> Result<()> {
        let sql = "UPDATE sync SET schedule = $1, cursor_at = $2, first_completed_at = $3, next_run_at = $4,
                   last_run_id = $5, version = $6, updated_at = $7 WHERE tenant_id = $8 AND id = $9 AND version = $10";
        let values = vec![
            sync.schedule.clone().into(),
            sync.cursor.map(to_micros).into(),
            sync.first_completed_at.map(to_micros).into(),
            sync.next_run_at.map(to_micros).into(),
            sync.last_run.map(SyncRunId::uuid).into(),
            sync.version.into(),
            to_micros(sync.updated_at).into(),
            self.0.tenant().uuid().into(),
            sync.id.uuid().into(),
            (sync.version - 1).into(),
        ];
        let changed = self.0.execute(sql, values).await?;
        if changed.rows_affected() == 1 { Ok(()) } else { Err(Error::Stale) }
    }

    /// Stores how far a locked sync has come: its cursor, first completion, newest run and next time. The version stays, since
    /// it counts what people chose, and a run must not fail somebody's edit.
    pub async fn update_progress(&self, sync: &Sync) -> Result<()> {
        let sql = "UPDATE sync SET cursor_at = $1, first_completed_at = $2, next_run_at = $3, last_run_id = $4,
                   updated_at = $5 WHERE tenant_id = $6 AND id = $7";
        let values = vec![
            sync.cursor.map(to_micros).into(),
            sync.first_completed_at.map(to_micros).into(),
            sync.next_run_at.map(to_micros).into(),
            sync.last_run.map(SyncRunId::uuid).into(),
            to_micros(sync.updated_at).into(),
            self.0.tenant().uuid().into(),
            sync.id.uuid().into(),
        ];
        let changed = self.0.execute(sql, values).await?;
        if changed.rows_affected() == 1 { Ok(()) } else { Err(Error::NotFound("sync")) }
    }

    /// Version of the choice of attributes that every record of the sync's stream is kept by; none when they are not all kept
    /// by one.
    pub async fn find_kept_by(&self, id: SyncId) -> Result<Option<String>> {
        let row = self.0.find::<Entity>().filter(Column::Id.eq(id.uuid())).one(self.0.raw()).await?;
        Ok(row.and_then(|row| row.kept_by))
    }

    /// Notes it. The engine's own note: the sync's version stays, since nobody reads it.
    pub async fn set_kept_by(&self, id: SyncId, version: Option<&str>) -> Result<()> {
        let sql = "UPDATE sync SET kept_by = $1 WHERE tenant_id = $2 AND id = $3";
        self.0.execute(sql, vec![version.into(), self.0.tenant().uuid().into(), id.uuid().into()]).await?;
        Ok(())
    }

    /// Notes the version of the vendor's API that the sync's records are read through. The engine's own note, like
    /// [`Syncs::set_kept_by`].
    pub async fn set_api_version(&self, id: SyncId, version: &str) -> Result<()> {
        let sql = "UPDATE sync SET api_version = $1 WHERE tenant_id = $2 AND id = $3";
        self.0.execute(sql, vec![version.into(), self.0.tenant().uuid().into(), id.uuid().into()]).await?;
        Ok(())
    }

    /// Forgets how far a connection's account was read. The caller holds the connection's row.
    pub async fn delete_cursors(&self, connection: ConnectionId, now: DateTime<Utc>) -> Result<()> {
        let sql = "UPDATE sync SET cursor_at = NULL, updated_at = $1
                   WHERE tenant_id = $2 AND connection_id = $3 AND cursor_at IS NOT NULL";
        let values = vec![to_micros(now).into(), self.0.tenant().uuid().into(), connection.uuid().into()];
        self.0.execute(sql, values).await?;
        Ok(())
    }

    /// Deletes a sync with its runs; records stay. Answers whether there was one.
    pub async fn delete(&self, id: SyncId) -> Result<bool> {
        let deleted = self.0.delete::<Entity>().filter(Column::Id.eq(id.uuid())).exec(self.0.raw()).await?;
        Ok(deleted.rows_affected == 1)
    }

    /// The tenant itself, in whose zone calendar dates and cron expressions are meant.
    pub async fn get_tenant(&self) -> Result<Tenant> {
        tenants::find_own(self.0).await?.ok_or(Error::NotFound("tenant"))
    }
}

/// A sync whose schedule is due.
#[derive(Debug, Clone)]
pub struct DueSync {
    /// The tenant to act in.
    pub scope: TenantScope,
    /// The sync.
    pub sync: SyncId,
}

/// A run that is said to be under way, but has no job that would carry it on.
#[derive(Debug, Clone)]
pub struct AbandonedRun {
    /// The tenant to act in.
    pub scope: TenantScope,
    /// The run.
    pub run: SyncRunId,
}

#[derive(FromQueryResult)]
struct RunRow {
    tenant_id: Uuid,
    id: Uuid,
}

/// Due schedules of all tenants.
#[derive(Debug, Clone, Copy)]
pub struct SystemSyncs<'a>(pub(crate) &'a SystemTx);

impl SystemSyncs<'_> {
    /// Syncs of active tenants that are due, the longest overdue first; those changed later than `ahead` as well, since their next
    /// time was reckoned from a clock that was ahead.
    pub async fn list_due(&self, now: DateTime<Utc>, ahead: DateTime<Utc>, limit: u64) -> Result<Vec<DueSync>> {
        // Each half walks its index from the end at which it is, however little the planner knows of the tables: a join would begin with
        // the tenants.
        let is_active = "(SELECT t.state FROM tenant t WHERE t.id = s.tenant_id) = 'active'";
        let sql = format!(
            "SELECT * FROM (SELECT s.* FROM sync s WHERE s.next_run_at <= $1 AND {is_active}
               ORDER BY s.next_run_at LIMIT $3) AS due
             UNION SELECT * FROM (SELECT s.* FROM sync s WHERE s.updated_at > $2 AND s.next_run_at IS NOT NULL AND {is_active}
               ORDER BY s.updated_at DESC LIMIT $3) AS changed_ahead
             ORDER BY next_run_at LIMIT $3"
        );
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows: Vec<Model> =
            self.0.query(&sql, vec![to_micros(now).into(), to_micros(ahead).into(), limit.into()]).await?;
        let due = rows.into_iter().map(|row| DueSync {
            scope: TenantScope::new(TenantId::from_uuid(row.tenant_id)),
            sync: SyncId::from_uuid(row.id),
        });
        Ok(due.collect())
    }

    /// A tenant's syncs that run by themselves.
    pub async fn list_scheduled(&self, tenant: TenantId) -> Result<Vec<Sync>> {
        let sql = "SELECT * FROM sync WHERE tenant_id = $1 AND schedule IS NOT NULL ORDER BY id";
        let rows: Vec<Model> = self.0.query(sql, vec![tenant.uuid().into()]).await?;
        rows.into_iter().map(read).collect()
    }

    /// Sets when a sync next runs by itself, unless somebody gave it another schedule or it started in between.
    pub async fn update_next_run(&self, tenant: TenantId, sync: &Sync, next: DateTime<Utc>) -> Result<()> {
        let sql = "UPDATE sync SET next_run_at = $1
                   WHERE tenant_id = $2 AND id = $3 AND version = $4 AND next_run_at = $5";
        let values = vec![
            to_micros(next).into(),
            tenant.uuid().into(),
            sync.id.uuid().into(),
            sync.version.into(),
            sync.next_run_at.map(to_micros).into(),
        ];
        self.0.execute(sql, values).await?;
        Ok(())
    }
}

impl SystemSyncs<'_> {
    /// Runs under way without a job in that queue, of any tenant.
    pub async fn list_abandoned(&self, queue: &str, limit: u64) -> Result<Vec<AbandonedRun>> {
        // Two look-ups, because each has an index of its own: a tenant may have a million ended jobs.
        let sql = format!(
            "SELECT r.tenant_id, r.id FROM sync_run r WHERE r.state = 'running'
             AND NOT EXISTS (SELECT 1 FROM job j WHERE j.tenant_id = r.tenant_id AND j.queue = $1
                             AND j.dedupe_key = {key} AND j.state IN ('pending', 'scheduled'))
             AND NOT EXISTS (SELECT 1 FROM job j WHERE j.tenant_id = r.tenant_id AND j.state = 'running'
                             AND j.queue = $1 AND j.dedupe_key = {key})
             LIMIT $2",
            key = run_key("r.id", self.0.is_postgres())
        );
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows: Vec<RunRow> = self.0.query(&sql, vec![queue.into(), limit.into()]).await?;
        let abandoned = rows.into_iter().map(|RunRow { tenant_id, id }| AbandonedRun {
            scope: TenantScope::new(TenantId::from_uuid(tenant_id)),
            run: SyncRunId::from_uuid(id),
        });
        Ok(abandoned.collect())
    }
}

/// A run's id on the wire, which is its job's dedupe key, made by the database.
fn run_key(column: &str, is_postgres: bool) -> String {
    let digits =
        if is_postgres { format!("replace({column}::text, '-', '')") } else { format!("lower(hex({column}))") };
    format!("'{}_' || {digits}", SyncRunId::PREFIX)
}

fn write(tenant: TenantId, sync: &Sync) -> ActiveModel {
    let Sync {
        id,
        connection,
        stream,
        schedule,
        cursor,
        first_completed_at,
        next_run_at,
        last_run,
        api_version,
        version,
        created_at,
        updated_at,
    } = sync;
    ActiveModel {
        tenant_id: Set(tenant.uuid()),
        id: Set(id.uuid()),
        connection_id: Set(connection.uuid()),
        stream: Set(stream.as_str().to_owned()),
        schedule: Set(schedule.clone()),
        cursor_at: Set(cursor.map(to_micros)),
        first_completed_at: Set(first_completed_at.map(to_micros)),
        next_run_at: Set(next_run_at.map(to_micros)),
        last_run_id: Set(last_run.map(SyncRunId::uuid)),
        kept_by: Set(None),
        api_version: Set(api_version.clone()),
        version: Set(*version),
        created_at: Set(to_micros(*created_at)),
        updated_at: Set(to_micros(*updated_at)),
    }
}

fn read(row: Model) -> Result<Sync> {
    let Model {
        tenant_id: _,
        id,
        connection_id,
        stream,
        schedule,
        cursor_at,
        first_completed_at,
        next_run_at,
        last_run_id,
        kept_by: _,
        api_version,
        version,
        created_at,
        updated_at,
    } = row;
    Ok(Sync {
        id: SyncId::from_uuid(id),
        connection: ConnectionId::from_uuid(connection_id),
        stream: Stream::parse(&stream).ok_or_else(|| Error::corrupt("sync", "unknown stream"))?,
        schedule,
        cursor: from_micros_opt(cursor_at)?,
        first_completed_at: from_micros_opt(first_completed_at)?,
        next_run_at: from_micros_opt(next_run_at)?,
        last_run: last_run_id.map(SyncRunId::from_uuid),
        api_version,
        version,
        created_at: from_micros(created_at)?,
        updated_at: from_micros(updated_at)?,
    })
}
