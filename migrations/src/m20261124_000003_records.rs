//! Records, the vendor ids they go by, their sealed payloads, persons, and records that could not be read.

use sea_orm_migration::prelude::*;

use crate::ddl::{ATOMIC, AppRights, Ddl, forward_only};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let ddl = Ddl::new(manager);
        // No foreign keys between streams: an absence may come before its employee.
        ddl.tenant_table(
            "record",
            "tenant_id",
            AppRights::Full,
            "tenant_id {uuid} NOT NULL, id {uuid} NOT NULL, connection_id {uuid} NOT NULL, stream TEXT NOT NULL,
             source TEXT NOT NULL, external_id TEXT NOT NULL, employee_external_id TEXT, email TEXT, status TEXT,
             starts_on TEXT, ends_on TEXT, fields TEXT NOT NULL, attributes TEXT NOT NULL, stale TEXT NOT NULL,
             hash {bytes} NOT NULL, kept_by TEXT NOT NULL, state TEXT NOT NULL, version BIGINT NOT NULL, first_seen_at BIGINT NOT NULL,
             first_seen_run_id {uuid} NOT NULL, changed_at BIGINT NOT NULL, deleted_at BIGINT, PRIMARY KEY (tenant_id, id),
             FOREIGN KEY (tenant_id, connection_id) REFERENCES connection (tenant_id, id) ON DELETE CASCADE",
        )
        .await?;
        ddl.run("CREATE INDEX record_listing ON record (tenant_id, stream, id)").await?;
        ddl.run("CREATE INDEX record_changed ON record (tenant_id, stream, changed_at, id)").await?;
        ddl.run("CREATE INDEX record_email ON record (tenant_id, email) WHERE email IS NOT NULL").await?;
        ddl.run(
            "CREATE INDEX record_employee ON record (tenant_id, connection_id, stream, employee_external_id)
             WHERE employee_external_id IS NOT NULL",
        )
        .await?;
        ddl.tenant_table(
            "record_payload",
            "tenant_id",
            AppRights::Full,
            "tenant_id {uuid} NOT NULL, record_id {uuid} NOT NULL, raw {bytes} NOT NULL, sensitive {bytes},
             PRIMARY KEY (tenant_id, record_id),
             FOREIGN KEY (tenant_id, record_id) REFERENCES record (tenant_id, id) ON DELETE CASCADE",
        )
        .await?;
        // The vendor's id before its id space: pages look up ids in any space.
        ddl.tenant_table(
            "record_alias",
            "tenant_id",
            AppRights::Full,
            "tenant_id {uuid} NOT NULL, connection_id {uuid} NOT NULL, stream TEXT NOT NULL, source TEXT NOT NULL,
             external_id TEXT NOT NULL, record_id {uuid} NOT NULL,
             PRIMARY KEY (tenant_id, connection_id, stream, external_id, source),
             FOREIGN KEY (tenant_id, record_id) REFERENCES record (tenant_id, id) ON DELETE CASCADE",
        )
        .await?;
        ddl.run("CREATE INDEX record_alias_record ON record_alias (tenant_id, record_id)").await?;
        ddl.tenant_table(
            "person",
            "tenant_id",
            AppRights::Full,
            "tenant_id {uuid} NOT NULL REFERENCES tenant (id), id {uuid} NOT NULL, created_at BIGINT NOT NULL,
             PRIMARY KEY (tenant_id, id)",
        )
        .await?;
        ddl.tenant_table(
            "person_link",
            "tenant_id",
            AppRights::Full,
            "tenant_id {uuid} NOT NULL, record_id {uuid} NOT NULL, person_id {uuid} NOT NULL, linked_by TEXT NOT NULL,
             linked_at BIGINT NOT NULL, PRIMARY KEY (tenant_id, record_id),
             FOREIGN KEY (tenant_id, record_id) REFERENCES record (tenant_id, id) ON DELETE CASCADE,
             FOREIGN KEY (tenant_id, person_id) REFERENCES person (tenant_id, id)",
        )
        .await?;
        ddl.run("CREATE INDEX person_link_person ON person_link (tenant_id, person_id)").await?;
        ddl.tenant_table(
            "quarantined_record",
            "tenant_id",
            AppRights::Full,
            "tenant_id {uuid} NOT NULL, id {uuid} NOT NULL, connection_id {uuid} NOT NULL, stream TEXT NOT NULL,
             run_id {uuid} NOT NULL, external_id TEXT, fingerprint {bytes} NOT NULL, reason TEXT NOT NULL,
             payload {bytes} NOT NULL, created_at BIGINT NOT NULL, last_seen_at BIGINT NOT NULL, resolved_at BIGINT,
             PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, connection_id, stream, fingerprint),
             FOREIGN KEY (tenant_id, connection_id) REFERENCES connection (tenant_id, id) ON DELETE CASCADE",
        )
        .await?;
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        ATOMIC
    }

    async fn down(&self, _: &SchemaManager) -> Result<(), DbErr> {
        Err(forward_only("m20261124_000003_records"))
    }
}
