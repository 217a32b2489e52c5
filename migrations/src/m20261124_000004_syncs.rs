//! Syncs, their runs, and what a sweep has seen.

use sea_orm_migration::prelude::*;

use crate::ddl::{ATOMIC, AppRights, Ddl, forward_only};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let ddl = Ddl::new(manager);
        ddl.tenant_table(
            "sync",
            "tenant_id",
            AppRights::Full,
            "tenant_id {uuid} NOT NULL, id {uuid} NOT NULL, connection_id {uuid} NOT NULL, stream TEXT NOT NULL,
             schedule TEXT, cursor_at BIGINT, first_completed_at BIGINT, next_run_at BIGINT, last_run_id {uuid},
             kept_by TEXT,
             version BIGINT NOT NULL, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL,
             PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, connection_id, stream),
             FOREIGN KEY (tenant_id, connection_id) REFERENCES connection (tenant_id, id) ON DELETE CASCADE",
        )
        .await?;
        ddl.run("CREATE INDEX sync_due ON sync (next_run_at) WHERE next_run_at IS NOT NULL").await?;
        ddl.tenant_table(
            "sync_run",
            "tenant_id",
            AppRights::Full,
            "tenant_id {uuid} NOT NULL, id {uuid} NOT NULL, sync_id {uuid} NOT NULL, connection_id {uuid} NOT NULL,
             stream TEXT NOT NULL, mode TEXT NOT NULL, state TEXT NOT NULL, counts TEXT NOT NULL, total BIGINT,
             since_at BIGINT, window_from TEXT, window_to TEXT, checkpoint TEXT, error_code TEXT, error_message TEXT,
             credential_version INTEGER NOT NULL, created_at BIGINT NOT NULL, started_at BIGINT, finished_at BIGINT,
             PRIMARY KEY (tenant_id, id),
             FOREIGN KEY (tenant_id, sync_id) REFERENCES sync (tenant_id, id) ON DELETE CASCADE",
        )
        .await?;
        ddl.run("CREATE UNIQUE INDEX sync_run_running ON sync_run (tenant_id, sync_id) WHERE state = 'running'")
            .await?;
        ddl.run("CREATE INDEX sync_run_listing ON sync_run (tenant_id, sync_id, id)").await?;
        ddl.tenant_table(
            "sweep_sighting",
            "tenant_id",
            AppRights::Full,
            "tenant_id {uuid} NOT NULL, run_id {uuid} NOT NULL, record_id {uuid} NOT NULL,
             PRIMARY KEY (tenant_id, run_id, record_id),
             FOREIGN KEY (tenant_id, run_id) REFERENCES sync_run (tenant_id, id) ON DELETE CASCADE",
        )
        .await?;
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        ATOMIC
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(forward_only("m20261124_000004_syncs"))
    }
}
