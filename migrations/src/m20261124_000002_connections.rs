//! Connections, credential versions, vendor tokens, discovered attributes and offices.

use sea_orm_migration::prelude::*;

use crate::ddl::{ATOMIC, AppRights, Ddl, forward_only};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let ddl = Ddl::new(manager);
        ddl.tenant_table(
            "connection",
            "tenant_id",
            AppRights::Full,
            "tenant_id {uuid} NOT NULL REFERENCES tenant (id), id {uuid} NOT NULL, connector TEXT NOT NULL,
             name TEXT NOT NULL, config TEXT NOT NULL, state TEXT NOT NULL, state_reason TEXT,
             credential_version INTEGER NOT NULL, checked_at BIGINT, discovered_at BIGINT, version BIGINT NOT NULL,
             created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL, PRIMARY KEY (tenant_id, id),
             UNIQUE (tenant_id, name)",
        )
        .await?;
        ddl.tenant_table(
            "credential",
            "tenant_id",
            AppRights::Full,
            "tenant_id {uuid} NOT NULL, id {uuid} NOT NULL, connection_id {uuid} NOT NULL, version INTEGER NOT NULL,
             sealed {bytes} NOT NULL, budget_key {bytes} NOT NULL, authenticated_at BIGINT, created_at BIGINT NOT NULL,
             PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, connection_id, version),
             FOREIGN KEY (tenant_id, connection_id) REFERENCES connection (tenant_id, id) ON DELETE CASCADE",
        )
        .await?;
        ddl.tenant_table(
            "vendor_token",
            "tenant_id",
            AppRights::Full,
            "tenant_id {uuid} NOT NULL, credential_id {uuid} NOT NULL, sealed {bytes}, expires_at BIGINT,
             obtained_at BIGINT, lease_owner {uuid}, lease_until BIGINT, attempted_at BIGINT, last_error TEXT,
             PRIMARY KEY (tenant_id, credential_id),
             FOREIGN KEY (tenant_id, credential_id) REFERENCES credential (tenant_id, id) ON DELETE CASCADE",
        )
        .await?;
        ddl.tenant_table(
            "attribute",
            "tenant_id",
            AppRights::Full,
            "tenant_id {uuid} NOT NULL, id {uuid} NOT NULL, connection_id {uuid} NOT NULL, stream TEXT NOT NULL,
             key TEXT NOT NULL, label TEXT NOT NULL, kind TEXT NOT NULL, universal_id TEXT, options TEXT NOT NULL,
             is_custom {bool} NOT NULL, canonical_field TEXT, class TEXT NOT NULL, class_reason TEXT NOT NULL,
             selected {bool} NOT NULL, position INTEGER NOT NULL, first_seen_at BIGINT NOT NULL,
             last_seen_at BIGINT NOT NULL, removed_at BIGINT, PRIMARY KEY (tenant_id, id),
             UNIQUE (tenant_id, connection_id, stream, key),
             FOREIGN KEY (tenant_id, connection_id) REFERENCES connection (tenant_id, id) ON DELETE CASCADE",
        )
        .await?;
        ddl.tenant_table(
            "office",
            "tenant_id",
            AppRights::Full,
            "tenant_id {uuid} NOT NULL, connection_id {uuid} NOT NULL, external_id TEXT NOT NULL, name TEXT NOT NULL,
             time_zone TEXT, PRIMARY KEY (tenant_id, connection_id, external_id),
             FOREIGN KEY (tenant_id, connection_id) REFERENCES connection (tenant_id, id) ON DELETE CASCADE",
        )
        .await?;
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        ATOMIC
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(forward_only("m20261124_000002_connections"))
    }
}
