//! Tenants, their data keys, API keys, console users and sessions; the deployment's own row.

use sea_orm_migration::prelude::*;

use crate::ddl::{ATOMIC, AppRights, Ddl, forward_only};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let ddl = Ddl::new(manager);
        ddl.roles().await?;
        ddl.tenant_table(
            "tenant",
            "id",
            AppRights::ReadOnly,
            "id {uuid} PRIMARY KEY, name TEXT NOT NULL UNIQUE, time_zone TEXT NOT NULL, state TEXT NOT NULL,
             settings TEXT NOT NULL, version BIGINT NOT NULL, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL",
        )
        .await?;
        ddl.run("CREATE INDEX tenant_suspended ON tenant (id) WHERE state = 'suspended'").await?;
        // The platform tenant (nil id) owns work that belongs to no customer. Under forced row-level security only the
        // system role may insert it.
        if ddl.is_postgres() {
            ddl.run("SELECT set_config('role', 'gangway_system', true)").await?;
        }
        let nil = ddl.platform_tenant();
        ddl.run(&format!("INSERT INTO tenant VALUES ({nil}, 'platform', 'UTC', 'active', '{{}}', 1, 0, 0)")).await?;
        if ddl.is_postgres() {
            ddl.run("SELECT set_config('role', 'none', true)").await?;
        }
        ddl.tenant_table(
            "data_key",
            "tenant_id",
            AppRights::ReadOnly,
            "tenant_id {uuid} NOT NULL REFERENCES tenant (id), id {uuid} NOT NULL, master_key_id TEXT NOT NULL,
             wrapped {bytes} NOT NULL, hash_key {bytes} NOT NULL, seals BIGINT NOT NULL, created_at BIGINT NOT NULL,
             retired_at BIGINT, PRIMARY KEY (tenant_id, id)",
        )
        .await?;
        ddl.tenant_table(
            "api_key",
            "tenant_id",
            AppRights::Keys,
            &format!(
                "tenant_id {{uuid}} NOT NULL REFERENCES tenant (id), id {{uuid}} NOT NULL, kind TEXT NOT NULL,
                 name TEXT NOT NULL, hash {{bytes}} NOT NULL UNIQUE, scopes TEXT NOT NULL, created_at BIGINT NOT NULL,
                 expires_at BIGINT, revoked_at BIGINT, PRIMARY KEY (tenant_id, id),
                 CHECK ((kind = 'operator') = (tenant_id = {nil}))"
            ),
        )
        .await?;
        ddl.tenant_table(
            "console_user",
            "tenant_id",
            AppRights::Full,
            "tenant_id {uuid} NOT NULL REFERENCES tenant (id), id {uuid} NOT NULL, email TEXT NOT NULL, name TEXT NOT NULL,
             password_hash TEXT, state TEXT NOT NULL, version BIGINT NOT NULL, created_at BIGINT NOT NULL,
             updated_at BIGINT NOT NULL, PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, email)",
        )
        .await?;
        ddl.tenant_table(
            "console_user_role",
            "tenant_id",
            AppRights::Full,
            "tenant_id {uuid} NOT NULL, user_id {uuid} NOT NULL, role TEXT NOT NULL, granted_at BIGINT NOT NULL,
             PRIMARY KEY (tenant_id, user_id, role),
             FOREIGN KEY (tenant_id, user_id) REFERENCES console_user (tenant_id, id) ON DELETE CASCADE",
        )
        .await?;
        ddl.tenant_table(
            "console_session",
            "tenant_id",
            AppRights::Full,
            "tenant_id {uuid} NOT NULL, id {uuid} NOT NULL, user_id {uuid} NOT NULL, token_hash {bytes} NOT NULL UNIQUE,
             created_at BIGINT NOT NULL, expires_at BIGINT NOT NULL, ended_at BIGINT, PRIMARY KEY (tenant_id, id),
             FOREIGN KEY (tenant_id, user_id) REFERENCES console_user (tenant_id, id) ON DELETE CASCADE",
        )
        .await?;
        // One row: the secret under which vendor budgets are named, sealed in the platform tenant's data key.
        ddl.global_table(
            "deployment",
            None,
            "id INTEGER PRIMARY KEY CHECK (id = 1), secret {bytes} NOT NULL, created_at BIGINT NOT NULL",
        )
        .await?;
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        ATOMIC
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(forward_only("m20261124_000001_tenancy"))
    }
}
