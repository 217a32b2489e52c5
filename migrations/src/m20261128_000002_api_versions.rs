//! Which version of the vendor's API a sync's records are read through, and which rights came with a token.
//!
//! The previous version's code goes on working: it leaves the column alone, and reads as the connection's config says. Records that
//! it reads through another version than the one noted here are found out when this code next reads a page.

use sea_orm_migration::prelude::*;

use crate::ddl::{ATOMIC, Ddl, forward_only};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let ddl = Ddl::new(manager);
        ddl.column("sync", "api_version TEXT").await?;
        // Nobody knows it of tokens of before; they end within a day.
        ddl.column("vendor_token", "scope TEXT").await?;
        // What has been read so far: version 1 unless the config said otherwise, which `auto` did of attendances alone.
        ddl.as_owner(
            &["sync", "record", "connection"],
            "UPDATE sync SET api_version = CASE
               WHEN EXISTS (SELECT 1 FROM connection c WHERE c.tenant_id = sync.tenant_id AND c.id = sync.connection_id
                            AND (c.config LIKE '%\"api\":\"v2\"%'
                                 OR (c.config LIKE '%\"api\":\"auto\"%' AND sync.stream = 'attendances'))) THEN 'v2'
               ELSE 'v1' END
             WHERE EXISTS (SELECT 1 FROM record r WHERE r.tenant_id = sync.tenant_id
                           AND r.connection_id = sync.connection_id AND r.stream = sync.stream)
               AND EXISTS (SELECT 1 FROM connection c WHERE c.tenant_id = sync.tenant_id AND c.id = sync.connection_id
                           AND c.connector = 'personio')",
        )
        .await
    }

    fn use_transaction(&self) -> Option<bool> {
        ATOMIC
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(forward_only("m20261128_000002_api_versions"))
    }
}
