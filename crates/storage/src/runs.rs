//! Sync runs. At most one of a sync is running: a unique index says so.

use gangway_domain::{
    id::{ConnectionId, SyncId, SyncRunId, TenantId},
    record::Stream,
    sync::{RunMode, RunState, SyncRun, Window},
};
use sea_orm::{
    ActiveModelTrait as _,
    ActiveValue::{NotSet, Set},
    ColumnTrait as _, Condition, FromQueryResult, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use crate::{
    Error, Page, PageRequest, Result, TenantTx,
    entity::sync_run::{ActiveModel, Column, Entity, Model},
    micros::{from_micros, from_micros_opt, to_micros},
};

/// The tenant's sync runs.
#[derive(Debug, Clone, Copy)]
pub struct Runs<'a>(pub(crate) &'a TenantTx);

#[derive(FromQueryResult)]
struct Count {
    n: i64,
}

impl Runs<'_> {
    /// Adds a run.
    ///
    /// # Errors
    /// [`Error::Taken`] when a run of the sync is under way.
    pub async fn create(&self, run: &SyncRun) -> Result<()> {
        write(self.0.tenant(), run)?.insert(self.0.raw()).await?;
        Ok(())
    }

    /// The run, or none.
    pub async fn find(&self, id: SyncRunId) -> Result<Option<SyncRun>> {
        self.0.find::<Entity>().filter(Column::Id.eq(id.uuid())).one(self.0.raw()).await?.map(read).transpose()
    }

    /// The run, locked until the transaction ends.
    pub async fn find_locked(&self, id: SyncRunId) -> Result<Option<SyncRun>> {
        let query = self.0.find::<Entity>().filter(Column::Id.eq(id.uuid())).lock_exclusive();
        query.one(self.0.raw()).await?.map(read).transpose()
    }

    /// The sync's run that is under way.
    pub async fn find_running(&self, sync: SyncId) -> Result<Option<SyncRunId>> {
        let row = self
            .0
            .find::<Entity>()
            .filter(Column::SyncId.eq(sync.uuid()))
            .filter(Column::State.eq(RunState::Running.as_str()))
            .one(self.0.raw())
            .await?;
        Ok(row.map(|row| SyncRunId::from_uuid(row.id)))
    }

    /// The newest full runs of a sync that saw everything they were to see, before the run named or at all, newest first.
    pub async fn list_sweeps(&self, sync: SyncId, before: Option<SyncRunId>, limit: u64) -> Result<Vec<SyncRun>> {
        self.sweeps(sync, before, Condition::all(), limit).await
    }

    /// Those of them whose sightings are kept: only they can say that they have not seen a record.
    pub async fn list_witnesses(&self, sync: SyncId, before: SyncRunId, limit: u64) -> Result<Vec<SyncRun>> {
        self.sweeps(sync, Some(before), Condition::all().add(Column::SightingsAt.is_not_null()), limit).await
    }

    /// The newest full runs of a sync that have ended, however they ended, newest first.
    pub async fn list_full(&self, sync: SyncId, limit: u64) -> Result<Vec<SyncRun>> {
        let query = self
            .0
            .find::<Entity>()
            .filter(Column::SyncId.eq(sync.uuid()))
            .filter(Column::Mode.eq(RunMode::Full.as_str()))
            .filter(Column::State.ne(RunState::Running.as_str()));
        let rows = query.order_by_desc(Column::Id).limit(limit).all(self.0.raw()).await?;
        rows.into_iter().map(read).collect()
    }

    async fn sweeps(
        &self,
        sync: SyncId,
        before: Option<SyncRunId>,
        condition: Condition,
        limit: u64,
    ) -> Result<Vec<SyncRun>> {
        // As `SyncRun::is_believed` has it.
        let complete = Condition::any().add(Column::State.eq(RunState::Held.as_str())).add(
            Condition::all().add(Column::State.eq(RunState::Completed.as_str())).add(Column::ErrorMessage.is_null()),
        );
        let mut query = self
            .0
            .find::<Entity>()
            .filter(Column::SyncId.eq(sync.uuid()))
            .filter(Column::Mode.eq(RunMode::Full.as_str()))
            .filter(complete)
            .filter(condition);
        if let Some(before) = before {
            query = query.filter(Column::Id.lt(before.uuid()));
        }
        let rows = query.order_by_desc(Column::Id).limit(limit).all(self.0.raw()).await?;
        rows.into_iter().map(read).collect()
    }

    /// Whether the last run of another sync on the connection failed.
    pub async fn is_another_failing(&self, connection: ConnectionId, sync: SyncId) -> Result<bool> {
        let sql = "SELECT count(*) AS n FROM sync s
                   JOIN sync_run r ON r.tenant_id = s.tenant_id AND r.id = s.last_run_id
                   WHERE s.tenant_id = $1 AND s.connection_id = $2 AND s.id <> $3 AND r.state = 'failed'";
        let values = vec![self.0.tenant().uuid().into(), connection.uuid().into(), sync.uuid().into()];
        let counts: Vec<Count> = self.0.query(sql, values).await?;
        Ok(counts.first().is_some_and(|count| count.n > 0))
    }

    /// Whether a job waits for the run or carries it out.
    pub async fn has_job(&self, run: SyncRunId) -> Result<bool> {
        let sql = "SELECT count(*) AS n FROM job WHERE tenant_id = $1 AND dedupe_key = $2
                   AND state IN ('pending', 'scheduled', 'running')";
        let values = vec![self.0.tenant().uuid().into(), run.to_string().into()];
        let counts: Vec<Count> = self.0.query(sql, values).await?;
        Ok(counts.first().is_some_and(|count| count.n > 0))
    }

    /// Runs of a sync, the newest first.
    pub async fn list(&self, sync: SyncId, page: PageRequest<SyncRunId>) -> Result<Page<SyncRun>> {
        let mut query = self.0.find::<Entity>().filter(Column::SyncId.eq(sync.uuid()));
        if let Some(after) = page.after {
            query = query.filter(Column::Id.lt(after.uuid()));
        }
        let rows = query.order_by_desc(Column::Id).limit(page.limit + 1).all(self.0.raw()).await?;
        Ok(Page::from_overfetch(rows.into_iter().map(read).collect::<Result<_>>()?, page.limit))
    }

    /// Stores how far a run has come. The caller holds its row (see [`Runs::find_locked`]).
    pub async fn update(&self, run: &SyncRun) -> Result<()> {
        let sql = "UPDATE sync_run SET state = $1, counts = $2, total = $3, since_at = $4, window_from = $5,
                   window_to = $6, checkpoint = $7, error_code = $8, error_message = $9, credential_version = $10,
                   started_at = $11, finished_at = $12, mode = $13 WHERE tenant_id = $14 AND id = $15";
        let values = vec![
            run.state.as_str().into(),
            counts(run)?.into(),
            run.total.into(),
            run.since.map(to_micros).into(),
            run.window.map(|window| window.from.to_string()).into(),
            run.window.map(|window| window.to.to_string()).into(),
            run.checkpoint.clone().into(),
            run.error_code.clone().into(),
            run.error_message.clone().into(),
            run.credential_version.into(),
            run.started_at.map(to_micros).into(),
            run.finished_at.map(to_micros).into(),
            run.mode.as_str().into(),
            self.0.tenant().uuid().into(),
            run.id.uuid().into(),
        ];
        let changed = self.0.execute(sql, values).await?;
        if changed.rows_affected() == 1 { Ok(()) } else { Err(Error::NotFound("sync run")) }
    }
}

fn counts(run: &SyncRun) -> Result<String> {
    serde_json::to_string(&run.counts).map_err(|_| Error::corrupt("sync_run", "counts"))
}

fn write(tenant: TenantId, run: &SyncRun) -> Result<ActiveModel> {
    let SyncRun {
        id,
        sync,
        connection,
        stream,
        mode,
        state,
        counts: _,
        total,
        since,
        window,
        checkpoint,
        error_code,
        error_message,
        credential_version,
        created_at,
        started_at,
        finished_at,
    } = run;
    Ok(ActiveModel {
        tenant_id: Set(tenant.uuid()),
        id: Set(id.uuid()),
        sync_id: Set(sync.uuid()),
        connection_id: Set(connection.uuid()),
        stream: Set(stream.as_str().to_owned()),
        mode: Set(mode.as_str().to_owned()),
        state: Set(state.as_str().to_owned()),
        counts: Set(counts(run)?),
        total: Set(*total),
        since_at: Set(since.map(to_micros)),
        window_from: Set(window.map(|window| window.from.to_string())),
        window_to: Set(window.map(|window| window.to.to_string())),
        checkpoint: Set(checkpoint.clone()),
        error_code: Set(error_code.clone()),
        error_message: Set(error_message.clone()),
        credential_version: Set(*credential_version),
        created_at: Set(to_micros(*created_at)),
        started_at: Set(started_at.map(to_micros)),
        finished_at: Set(finished_at.map(to_micros)),
        sightings_at: NotSet,
    })
}

fn read(row: Model) -> Result<SyncRun> {
    let Model {
        tenant_id: _,
        id,
        sync_id,
        connection_id,
        stream,
        mode,
        state,
        counts,
        total,
        since_at,
        window_from,
        window_to,
        checkpoint,
        error_code,
        error_message,
        credential_version,
        created_at,
        started_at,
        finished_at,
        sightings_at: _,
    } = row;
    let corrupt = |what: &str| Error::corrupt("sync_run", what);
    let window = match (window_from, window_to) {
        (Some(from), Some(to)) => Some(Window {
            from: from.parse().map_err(|_| corrupt("window"))?,
            to: to.parse().map_err(|_| corrupt("window"))?,
        }),
        _ => None,
    };
    Ok(SyncRun {
        id: SyncRunId::from_uuid(id),
        sync: SyncId::from_uuid(sync_id),
        connection: ConnectionId::from_uuid(connection_id),
        stream: Stream::parse(&stream).ok_or_else(|| corrupt("unknown stream"))?,
        mode: RunMode::parse(&mode).ok_or_else(|| corrupt("unknown mode"))?,
        state: RunState::parse(&state).ok_or_else(|| corrupt("unknown state"))?,
        counts: serde_json::from_str(&counts).map_err(|_| corrupt("counts"))?,
        total,
        since: from_micros_opt(since_at)?,
        window,
        checkpoint,
        error_code,
        error_message,
        credential_version,
        created_at: from_micros(created_at)?,
        started_at: from_micros_opt(started_at)?,
        finished_at: from_micros_opt(finished_at)?,
    })
}
