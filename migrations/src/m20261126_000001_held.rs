//! Deletions that wait for a human, what a tenant set, and attributes that lost their values.

use sea_orm_migration::prelude::*;

use crate::ddl::{ATOMIC, AppRights, Ddl, forward_only};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let ddl = Ddl::new(manager);
        ddl.tenant_table(
            "held_batch",
            "tenant_id",
            AppRights::Full,
            "tenant_id {uuid} NOT NULL, run_id {uuid} NOT NULL, sync_id {uuid} NOT NULL, state TEXT NOT NULL,
             n_missing BIGINT NOT NULL, n_present BIGINT NOT NULL, n_allowed BIGINT NOT NULL, n_settled BIGINT NOT NULL,
             reason {bytes}, decided_by TEXT, decided_at BIGINT, refused_until BIGINT, created_at BIGINT NOT NULL,
             PRIMARY KEY (tenant_id, run_id),
             FOREIGN KEY (tenant_id, run_id) REFERENCES sync_run (tenant_id, id) ON DELETE CASCADE",
        )
        .await?;
        ddl.run(
            "CREATE UNIQUE INDEX held_batch_open ON held_batch (tenant_id, sync_id)
             WHERE state IN ('open', 'releasing')",
        )
        .await?;
        ddl.tenant_table(
            "sweep_finding",
            "tenant_id",
            AppRights::Full,
            "tenant_id {uuid} NOT NULL, run_id {uuid} NOT NULL, record_id {uuid} NOT NULL, finding TEXT NOT NULL,
             PRIMARY KEY (tenant_id, run_id, record_id),
             FOREIGN KEY (tenant_id, run_id) REFERENCES sync_run (tenant_id, id) ON DELETE CASCADE",
        )
        .await?;
        ddl.run("CREATE INDEX sweep_finding_by_record ON sweep_finding (tenant_id, record_id)").await?;
        ddl.tenant_table(
            "attribute_sighting",
            "tenant_id",
            AppRights::Full,
            "tenant_id {uuid} NOT NULL, attribute_id {uuid} NOT NULL, run_id {uuid} NOT NULL,
             PRIMARY KEY (tenant_id, attribute_id),
             FOREIGN KEY (tenant_id, attribute_id) REFERENCES attribute (tenant_id, id) ON DELETE CASCADE",
        )
        .await?;
        ddl.tenant_table(
            "tenant_setting",
            "tenant_id",
            AppRights::Full,
            "tenant_id {uuid} PRIMARY KEY REFERENCES tenant (id), settings TEXT NOT NULL, version BIGINT NOT NULL,
             updated_at BIGINT NOT NULL",
        )
        .await?;
        ddl.column("attribute", "restricted_at BIGINT").await?;
        // Null on runs of before: what they saw may have been forgotten, so they bear no witness.
        ddl.column("sync_run", "sightings_at BIGINT").await
    }

    fn use_transaction(&self) -> Option<bool> {
        ATOMIC
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(forward_only("m20261126_000001_held"))
    }
}
