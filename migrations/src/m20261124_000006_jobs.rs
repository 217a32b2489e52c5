//! The job queue: jobs, the fair share of each tenant, and each queue's virtual time;
//! which process works.

use sea_orm_migration::prelude::*;

use crate::ddl::{ATOMIC, AppRights, Ddl, forward_only};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let ddl = Ddl::new(manager);
        ddl.tenant_table(
            "job",
            "tenant_id",
            AppRights::Fenced,
            "id {uuid} PRIMARY KEY, tenant_id {uuid} NOT NULL REFERENCES tenant (id), queue TEXT NOT NULL,
             kind TEXT NOT NULL, payload TEXT NOT NULL, class SMALLINT NOT NULL, state TEXT NOT NULL,
             fair_at BIGINT NOT NULL, run_at BIGINT NOT NULL, not_before BIGINT NOT NULL DEFAULT 0,
             attempts INTEGER NOT NULL, max_attempts INTEGER NOT NULL, epoch BIGINT NOT NULL, lease_owner TEXT, lease_until BIGINT, dedupe_key TEXT, traceparent TEXT,
             last_error TEXT, retry_of {uuid}, created_at BIGINT NOT NULL, finished_at BIGINT,
             fence INTEGER NOT NULL DEFAULT 0, UNIQUE (tenant_id, id)",
        )
        .await?;
        ddl.run("CREATE INDEX job_ready ON job (queue, class, fair_at, id) WHERE state = 'pending'").await?;
        ddl.run("CREATE INDEX job_due ON job (run_at) WHERE state = 'scheduled'").await?;
        ddl.run("CREATE INDEX job_lease ON job (lease_until) WHERE state = 'running'").await?;
        ddl.run("CREATE INDEX job_finished ON job (state, finished_at) WHERE finished_at IS NOT NULL").await?;
        ddl.run("CREATE INDEX job_listing ON job (tenant_id, state, id)").await?;
        // Waiting rows only: a notice that comes while its job runs must be kept.
        ddl.run(
            "CREATE UNIQUE INDEX job_dedupe ON job (tenant_id, queue, dedupe_key)
             WHERE dedupe_key IS NOT NULL AND state IN ('pending', 'scheduled')",
        )
        .await?;
        // A tenant's enqueue pulls its own waiting job forward (docs/jobs.md); every other change is the system role's.
        if ddl.is_postgres() {
            ddl.run("GRANT UPDATE (run_at) ON job TO gangway_app").await?;
        }
        ddl.tenant_table(
            "fair_share",
            "tenant_id",
            AppRights::Full,
            "tenant_id {uuid} NOT NULL REFERENCES tenant (id), queue TEXT NOT NULL, class SMALLINT NOT NULL,
             last_finish BIGINT NOT NULL, PRIMARY KEY (tenant_id, queue, class)",
        )
        .await?;
        ddl.global_table(
            "queue_clock",
            Some("SELECT"),
            "queue TEXT NOT NULL, class SMALLINT NOT NULL, virtual_now BIGINT NOT NULL, PRIMARY KEY (queue, class)",
        )
        .await?;
        // One row at most: vendor budgets lie in the memory of one process.
        ddl.global_table(
            "process_lease",
            None,
            "name TEXT PRIMARY KEY NOT NULL CHECK (name = 'serve'), holder {uuid} NOT NULL, started_at BIGINT NOT NULL,
             lease_until BIGINT NOT NULL",
        )
        .await?;
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        ATOMIC
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(forward_only("m20261124_000006_jobs"))
    }
}
