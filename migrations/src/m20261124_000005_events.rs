//! The event log with its per-tenant counter, the audit log, and stored idempotent answers.

use sea_orm_migration::prelude::*;

use crate::ddl::{ATOMIC, AppRights, Ddl, forward_only};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let ddl = Ddl::new(manager);
        // The counter row is locked by the last statement of a transaction, so sequences commit in order and a reader at
        // a cursor never skips a late commit.
        ddl.tenant_table(
            "event_counter",
            "tenant_id",
            AppRights::Full,
            "tenant_id {uuid} PRIMARY KEY REFERENCES tenant (id), last_sequence BIGINT NOT NULL",
        )
        .await?;
        ddl.tenant_table(
            "event",
            "tenant_id",
            AppRights::AppendOnly,
            "tenant_id {uuid} NOT NULL, sequence BIGINT NOT NULL, id {uuid} NOT NULL, kind TEXT NOT NULL,
             subject_id {uuid}, subject_label TEXT, connection_id {uuid}, run_id {uuid}, credential_version INTEGER,
             payload {bytes} NOT NULL, occurred_at BIGINT NOT NULL, PRIMARY KEY (tenant_id, sequence)",
        )
        .await?;
        ddl.run("CREATE INDEX event_subject ON event (tenant_id, subject_id, sequence) WHERE subject_id IS NOT NULL")
            .await?;
        // Rows come in unchained; a job per tenant sets `sequence` and `chain` in commit order (the system role).
        ddl.tenant_table(
            "audit_entry",
            "tenant_id",
            AppRights::AppendOnly,
            "tenant_id {uuid} NOT NULL, id {uuid} NOT NULL, principal TEXT NOT NULL, action TEXT NOT NULL,
             object TEXT NOT NULL, detail TEXT NOT NULL, request_id {uuid}, at BIGINT NOT NULL, sequence BIGINT,
             chain {bytes}, PRIMARY KEY (tenant_id, id)",
        )
        .await?;
        ddl.tenant_table(
            "idempotent_answer",
            "tenant_id",
            AppRights::Full,
            "tenant_id {uuid} NOT NULL, principal TEXT NOT NULL, route TEXT NOT NULL, key TEXT NOT NULL,
             body_hash {bytes} NOT NULL, status INTEGER, answer {bytes}, created_at BIGINT NOT NULL,
             PRIMARY KEY (tenant_id, principal, route, key)",
        )
        .await?;
        ddl.run("CREATE INDEX idempotent_answer_age ON idempotent_answer (created_at)").await?;
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        ATOMIC
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(forward_only("m20261124_000005_events"))
    }
}
