//! A database of its own for each test, migrated, with the logins that an operator would make; and raw statements on it.
//!
//! The server of `gangway_testkit::postgres_url` (`make test` starts a private one) is thrown away with everything in it.

use std::time::Duration;

use gangway_domain::{id::TenantId, tenant::Tenant, tenant::TenantState};
use gangway_migrations::{Migrator, MigratorTrait as _};
use gangway_storage::{Config, Db, SystemReason, TenantScope, doctor};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, DbErr, QueryResult, RuntimeErr,
    Statement, sqlx,
};
use uuid::Uuid;

/// Two tenants that must not see each other.
pub(super) const A: TenantId = TenantId::from_uuid(Uuid::from_u128(0xa));
pub(super) const B: TenantId = TenantId::from_uuid(Uuid::from_u128(0xb));

/// The condition that a refused statement ends in (`insufficient_privilege`), also where a policy refuses it.
pub(super) const REFUSED: &str = "42501";

/// One test's database.
pub(super) struct TestDb {
    /// For the application: on PostgreSQL a login that is neither superuser nor inherits its roles' rights.
    pub(super) url: String,
    /// For setting up and looking around: a superuser on PostgreSQL.
    pub(super) admin_url: String,
    /// The login's name; empty on SQLite.
    pub(super) login: String,
    _folder: Option<tempfile::TempDir>,
}

impl TestDb {
    /// A migrated SQLite file.
    pub(super) async fn sqlite() -> Self {
        let db = Self::sqlite_empty();
        migrate(&db.url).await.unwrap();
        db
    }

    /// A SQLite file that is not there yet.
    pub(super) fn sqlite_empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("gangway.db").display());
        Self { admin_url: url.clone(), url, login: String::new(), _folder: Some(folder) }
    }

    /// A migrated PostgreSQL database, owned by a login without special rights; none without a server.
    pub(super) async fn postgres() -> Option<Self> {
        let db = Self::postgres_empty("NOINHERIT CREATEROLE").await?;
        migrate(&db.url).await.unwrap();
        Some(db)
    }

    /// An empty PostgreSQL database and its owner, a login with these attributes.
    pub(super) async fn postgres_empty(attributes: &str) -> Option<Self> {
        let server = gangway_testkit::postgres_url()?;
        let admin = connect(&server, 1).await;
        let name: String = one(&admin, "SELECT 't_' || replace(gen_random_uuid()::text, '-', '')").await;
        run(&admin, &format!("CREATE ROLE {name} LOGIN {attributes} PASSWORD '{name}'")).await.unwrap();
        if attributes.contains("CREATEROLE") {
            run(&admin, &roles_of_a_shared_server(&name)).await.unwrap();
        }
        run(&admin, &format!("CREATE DATABASE {name} OWNER {name} TEMPLATE template0")).await.unwrap();
        admin.close().await.unwrap();
        let admin_url = with_database(&server, &name);
        Some(Self { url: with_login(&admin_url, &name), admin_url, login: name, _folder: None })
    }

    /// A further login on the same server, its password its name.
    pub(super) async fn add_login(&self, attributes: &str) -> (String, String) {
        let admin = self.admin().await;
        let name: String = one(&admin, "SELECT 'l_' || replace(gen_random_uuid()::text, '-', '')").await;
        run(&admin, &format!("CREATE ROLE {name} LOGIN {attributes} PASSWORD '{name}'")).await.unwrap();
        (with_login(&self.admin_url, &name), name)
    }

    /// For setting up and looking around.
    pub(super) async fn admin(&self) -> DatabaseConnection {
        connect(&self.admin_url, 1).await
    }

    /// The application's pool, in raw form.
    pub(super) async fn pool(&self, max_connections: u32) -> DatabaseConnection {
        connect(&self.url, max_connections).await
    }

    /// The storage layer, with the two tenants made.
    pub(super) async fn storage(&self) -> Storage {
        self.storage_with(Config::new(&self.url)).await
    }

    /// The same with settings of its own.
    pub(super) async fn storage_with(&self, config: Config) -> Storage {
        let db = Db::connect(&config).await.unwrap();
        let tx = db.begin_system(SystemReason::ManageTenants).await.unwrap();
        for (id, name) in [(A, "Aurora"), (B, "Borealis")] {
            tx.tenants().create(&tenant(id, name)).await.unwrap();
        }
        tx.commit().await.unwrap();
        let a = db.scope_for_operator(A).await.unwrap();
        let b = db.scope_for_operator(B).await.unwrap();
        Storage { db, a, b }
    }
}

/// The storage layer with the scopes of both tenants.
pub(super) struct Storage {
    pub(super) db: Db,
    pub(super) a: TenantScope,
    pub(super) b: TenantScope,
}

fn tenant(id: TenantId, name: &str) -> Tenant {
    Tenant {
        id,
        name: name.to_owned(),
        time_zone: "Europe/Berlin".parse().unwrap(),
        state: TenantState::Active,
        version: 1,
        created_at: chrono::DateTime::UNIX_EPOCH,
        updated_at: chrono::DateTime::UNIX_EPOCH,
    }
}

/// Runs the migrations as the server does.
pub(super) async fn migrate(url: &str) -> anyhow::Result<()> {
    let connection = doctor::connect_as_owner(url).await?;
    let result = Migrator::up(&connection, None).await;
    connection.close().await?;
    Ok(result?)
}

/// Opens a pool.
pub(super) async fn connect(url: &str, max_connections: u32) -> DatabaseConnection {
    let mut options = ConnectOptions::new(url);
    options.max_connections(max_connections).acquire_timeout(Duration::from_secs(20)).sqlx_logging(false);
    Database::connect(options).await.unwrap()
}

/// Takes a role and a tenant for this transaction, as storage does; the last two arguments as it would bind them.
pub(super) async fn take(tx: &impl ConnectionTrait, role: &str, tenant: &str) {
    run(tx, &format!("SELECT set_config('role', '{role}', true), set_config('app.tenant_id', '{tenant}', true)"))
        .await
        .unwrap();
}

/// Runs a statement; answers how many rows it touched.
pub(super) async fn run(connection: &impl ConnectionTrait, sql: &str) -> Result<u64, DbErr> {
    Ok(connection.execute_raw(Statement::from_string(connection.get_database_backend(), sql)).await?.rows_affected())
}

/// Runs a query.
pub(super) async fn rows(connection: &impl ConnectionTrait, sql: &str) -> Result<Vec<QueryResult>, DbErr> {
    connection.query_all_raw(Statement::from_string(connection.get_database_backend(), sql)).await
}

/// The one value of the one row.
pub(super) async fn one<T: sea_orm::TryGetable>(connection: &impl ConnectionTrait, sql: &str) -> T {
    let rows = rows(connection, sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    rows.first().unwrap_or_else(|| panic!("{sql}: no row")).try_get_by_index(0).unwrap()
}

/// How many rows a table shows.
pub(super) async fn count(connection: &impl ConnectionTrait, table: &str) -> i64 {
    one(connection, &format!("SELECT count(*) FROM {table}")).await
}

/// The database's own code of an error.
pub(super) fn code(error: &DbErr) -> String {
    let (DbErr::Exec(RuntimeErr::SqlxError(source)) | DbErr::Query(RuntimeErr::SqlxError(source))) = error else {
        return String::new();
    };
    let sqlx::Error::Database(source) = source.as_ref() else { return String::new() };
    source.code().map(String::from).unwrap_or_default()
}

/// An id as text of a statement.
pub(super) fn uuid_literal(backend: DbBackend, id: Uuid) -> String {
    if backend == DbBackend::Postgres { format!("'{id}'::uuid") } else { format!("X'{}'", id.simple()) }
}

/// Roles belong to the whole server. Since PostgreSQL 16 only who made them may grant them, which would be the test that
/// happened to come first: there the administrator does it.
fn roles_of_a_shared_server(login: &str) -> String {
    format!(
        "DO $$ BEGIN
           IF current_setting('server_version_num')::int >= 160000 THEN
             PERFORM pg_advisory_xact_lock(7305);
             IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'gangway_system') THEN
               CREATE ROLE gangway_app NOLOGIN;
               CREATE ROLE gangway_system NOLOGIN;
             END IF;
             GRANT gangway_app, gangway_system TO {login};
           END IF;
         END $$"
    )
}

fn with_database(url: &str, name: &str) -> String {
    let mut url: reqwest::Url = url.parse().unwrap();
    url.set_path(name);
    url.into()
}

fn with_login(url: &str, name: &str) -> String {
    let mut url: reqwest::Url = url.parse().unwrap();
    url.set_username(name).unwrap();
    url.set_password(Some(name)).unwrap();
    url.into()
}
