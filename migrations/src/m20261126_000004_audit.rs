//! The chain of the audit log: where each tenant's chain ends, and how entries are found by it.

use sea_orm_migration::prelude::*;

use crate::ddl::{ATOMIC, AppRights, Ddl, forward_only};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let ddl = Ddl::new(manager);
        // Locked while entries are chained, so that two workers cannot give the same place twice.
        ddl.tenant_table(
            "audit_chain",
            "tenant_id",
            AppRights::ReadOnly,
            "tenant_id {uuid} PRIMARY KEY REFERENCES tenant (id), sequence BIGINT NOT NULL, link {bytes} NOT NULL",
        )
        .await?;
        ddl.run(
            "CREATE UNIQUE INDEX audit_entry_place ON audit_entry (tenant_id, sequence) WHERE sequence IS NOT NULL",
        )
        .await?;
        ddl.run("CREATE INDEX audit_entry_unchained ON audit_entry (tenant_id, id) WHERE sequence IS NULL").await?;
        ddl.run("CREATE INDEX audit_entry_object ON audit_entry (tenant_id, object, sequence)").await?;
        if ddl.is_postgres() {
            // The application adds entries; only the system role gives them their place.
            ddl.run(
                "CREATE POLICY unchained ON audit_entry AS RESTRICTIVE FOR INSERT TO gangway_app
                 WITH CHECK (sequence IS NULL AND chain IS NULL)",
            )
            .await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        ATOMIC
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(forward_only("m20261126_000004_audit"))
    }
}
