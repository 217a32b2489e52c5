//! A token for each API of a vendor, and the kind of a login's failure beside its message.
//!
//! The previous version's code goes on working: it names no API, so it makes and meets the rows of `main`, the only ones there are as
//! long as no connection is told to use another API, which that code refuses to be told.

use sea_orm_migration::prelude::*;

use crate::ddl::{ATOMIC, Ddl, forward_only};

/// The table with its new key, for `SQLite`, which cannot change the key of one that is there.
const COLUMNS: &str = "tenant_id {uuid} NOT NULL, credential_id {uuid} NOT NULL, sealed {bytes}, expires_at BIGINT,
     obtained_at BIGINT, lease_owner {uuid}, lease_until BIGINT, attempted_at BIGINT, last_error TEXT,
     api TEXT NOT NULL DEFAULT 'main', last_error_kind TEXT, PRIMARY KEY (tenant_id, credential_id, api),
     FOREIGN KEY (tenant_id, credential_id) REFERENCES credential (tenant_id, id) ON DELETE CASCADE";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let ddl = Ddl::new(manager);
        if ddl.is_postgres() {
            ddl.column("vendor_token", "api TEXT NOT NULL DEFAULT 'main'").await?;
            ddl.column("vendor_token", "last_error_kind TEXT").await?;
            return ddl
                .run(
                    "ALTER TABLE vendor_token DROP CONSTRAINT vendor_token_pkey,
                     ADD PRIMARY KEY (tenant_id, credential_id, api)",
                )
                .await;
        }
        ddl.table("vendor_token_by_api", COLUMNS).await?;
        ddl.run(
            "INSERT INTO vendor_token_by_api (tenant_id, credential_id, sealed, expires_at, obtained_at, lease_owner,
               lease_until, attempted_at, last_error)
             SELECT tenant_id, credential_id, sealed, expires_at, obtained_at, lease_owner, lease_until, attempted_at, last_error
             FROM vendor_token",
        )
        .await?;
        ddl.run("DROP TABLE vendor_token").await?;
        ddl.run("ALTER TABLE vendor_token_by_api RENAME TO vendor_token").await
    }

    fn use_transaction(&self) -> Option<bool> {
        ATOMIC
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(forward_only("m20261128_000001_token_apis"))
    }
}
