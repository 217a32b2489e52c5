//! The pause of a connection whose runs fail.

use sea_orm_migration::prelude::*;

use crate::ddl::{ATOMIC, Ddl, forward_only};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let ddl = Ddl::new(manager);
        ddl.column("connection", "failures INTEGER NOT NULL DEFAULT 0").await?;
        ddl.column("connection", "paused_until BIGINT").await
    }

    fn use_transaction(&self) -> Option<bool> {
        ATOMIC
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(forward_only("m20261126_000003_pauses"))
    }
}
