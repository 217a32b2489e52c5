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
mod m20261127_000002_effects;
mod m20261128_000001_token_apis;
mod m20261128_000002_api_versions;

use std::collections::HashSet;

pub use sea_orm_migration::MigratorTrait;
use sea_orm_migration::{
    prelude::*,
    sea_orm::{ConnectionTrait, DatabaseConnection, Statement},
};

/// Where sea-orm notes which were applied.
const NOTED_IN: &str = "seaql_migrations";

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
            Box::new(m20261127_000002_effects::Migration),
            Box::new(m20261128_000001_token_apis::Migration),
            Box::new(m20261128_000002_api_versions::Migration),
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

/// Every migration with whether it was applied, in order. Unlike [`MigratorTrait::get_pending_migrations`] it writes nothing, not even the
/// table in which they are noted: who looks with the wrong login must not come to own that.
///
/// # Errors
/// When the database does not answer.
pub async fn status(db: &DatabaseConnection) -> Result<Vec<(String, bool)>, DbErr> {
    let mut applied = HashSet::new();
    if SchemaManager::new(db).has_table(NOTED_IN).await? {
        let sql = format!("SELECT version FROM {NOTED_IN}");
        for row in db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await? {
            applied.insert(row.try_get::<String>("", "version")?);
        }
    }
    let names = Migrator::migrations().into_iter().map(|migration| migration.name().to_owned());
    Ok(names.map(|name| (name.clone(), applied.contains(&name))).collect())
}

/// What sea-orm does by itself, for [`Migrator::install`] to call.
struct SeaMigrator;

#[async_trait::async_trait]
impl MigratorTrait for SeaMigrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        Vec::new()
    }
}
