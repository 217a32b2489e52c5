//! Finding the syncs whose next time was reckoned from a clock that was ahead.

use sea_orm_migration::prelude::*;

use crate::ddl::{ATOMIC, Ddl, forward_only};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        Ddl::new(manager).run("CREATE INDEX sync_updated ON sync (updated_at)").await
    }

    fn use_transaction(&self) -> Option<bool> {
        ATOMIC
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(forward_only("m20261127_000001_clock"))
    }
}
