//! What a creating request has made is noted with it, so that a request whose answer is lost can be answered all the same.

use sea_orm_migration::prelude::*;

use crate::ddl::{ATOMIC, Ddl, forward_only};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let ddl = Ddl::new(manager);
        ddl.column("idempotent_answer", "claim {uuid}").await?;
        ddl.column("idempotent_answer", "object TEXT").await
    }

    fn use_transaction(&self) -> Option<bool> {
        ATOMIC
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(forward_only("m20261127_000002_effects"))
    }
}
