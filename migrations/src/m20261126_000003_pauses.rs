//! The pause of a connection whose runs fail.

use sea_orm_migration::prelude::*;

use crate::ddl::{ATOMIC, Ddl, forward_only};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let ddl = Ddl::new(manager);
        ddl.run("ALTER TABLE connection ADD COLUMN failures INTEGER NOT NULL DEFAULT 0").await?;
        // Strict tables of SQLite know integers of one width only.
        let moment = if ddl.is_postgres() { "BIGINT" } else { "INTEGER" };
        ddl.run(&format!("ALTER TABLE connection ADD COLUMN paused_until {moment}")).await
    }

    fn use_transaction(&self) -> Option<bool> {
        ATOMIC
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(forward_only("m20261126_000003_pauses"))
    }
}
