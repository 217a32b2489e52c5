//! The mappings of connections, and which version of them each record follows.

use sea_orm_migration::prelude::*;

use crate::ddl::{ATOMIC, AppRights, Ddl, forward_only};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let ddl = Ddl::new(manager);
        ddl.tenant_table(
            "mapping",
            "tenant_id",
            AppRights::Full,
            "tenant_id {uuid} NOT NULL, connection_id {uuid} NOT NULL, version BIGINT NOT NULL,
             applied_version BIGINT NOT NULL, fields TEXT NOT NULL, updated_at BIGINT NOT NULL,
             PRIMARY KEY (tenant_id, connection_id),
             FOREIGN KEY (tenant_id, connection_id) REFERENCES connection (tenant_id, id) ON DELETE CASCADE",
        )
        .await?;
        // The previous version's code adds records that follow no mapping.
        let integer = if ddl.is_postgres() { "BIGINT" } else { "INTEGER" };
        ddl.run(&format!("ALTER TABLE record ADD COLUMN mapped_by {integer} NOT NULL DEFAULT 0")).await
    }

    fn use_transaction(&self) -> Option<bool> {
        ATOMIC
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(forward_only("m20261126_000002_mappings"))
    }
}
