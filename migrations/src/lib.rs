//! The schema of Gangway, for `SQLite` and `PostgreSQL` from one description.
//!
//! Migrations expand first and contract later: a new version's schema must serve the previous version's code, since
//! several processes upgrade one after the other. `docs/schema.md` explains each table in a line, `docs/tenancy.md` the
//! roles and policies. Data migrations must say how they see rows under `FORCE ROW LEVEL SECURITY`.

mod ddl;
mod m20261124_000001_tenancy;
mod m20261124_000002_connections;
mod m20261124_000003_records;
mod m20261124_000004_syncs;
mod m20261124_000005_events;
mod m20261124_000006_jobs;
mod m20261126_000001_held;
mod m20261126_000002_mappings;
mod m20261126_000003_pauses;
mod m20261126_000004_audit;
mod m20261127_000001_clock;

pub use sea_orm_migration::MigratorTrait;
use sea_orm_migration::{prelude::*, sea_orm::ConnectionTrait};

/// Runs and lists the migrations.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261124_000001_tenancy::Migration),
            Box::new(m20261124_000002_connections::Migration),
            Box::new(m20261124_000003_records::Migration),
            Box::new(m20261124_000004_syncs::Migration),
            Box::new(m20261124_000005_events::Migration),
            Box::new(m20261124_000006_jobs::Migration),
            Box::new(m20261126_000001_held::Migration),
            Box::new(m20261126_000002_mappings::Migration),
            Box::new(m20261126_000003_pauses::Migration),
            Box::new(m20261126_000004_audit::Migration),
            Box::new(m20261127_000001_clock::Migration),
        ]
    }

    async fn install<C>(db: &C) -> Result<(), DbErr>
    where
        C: ConnectionTrait,
    {
        ddl::may_create(db).await?;
        SeaMigrator::install(db).await
    }
}

/// What sea-orm does by itself, for [`Migrator::install`] to call.
struct SeaMigrator;

#[async_trait::async_trait]
impl MigratorTrait for SeaMigrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        Vec::new()
    }
}
