//! One description of a table for both databases, and the row-level security of tenant tables.
//!
//! Portable choices: times are `BIGINT` microseconds since the epoch (the same on both, exact, comparable); JSON is `TEXT`
//! (PostgreSQL's `jsonb` refuses `\u0000`, which vendors send); ids are UUIDs (16-byte blobs on SQLite).

use sea_orm_migration::{
    prelude::*,
    sea_orm::{ConnectionTrait, DbBackend},
};

/// Every migration happens whole or not at all, on SQLite too: a process killed in its midst must not leave half a schema.
pub(crate) const ATOMIC: Option<bool> = Some(true);

/// What the application role may do with a tenant table, within its own tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AppRights {
    /// Everything.
    Full,
    /// Read and add: logs are not rewritten.
    AppendOnly,
    /// Read only.
    ReadOnly,
    /// Read and add rows, lock them through the `fence` column; every other change is the system role's.
    Fenced,
    /// Read, add and revoke: nothing else of a key changes. The platform tenant's rows, operators' keys, are out of reach.
    Keys,
}

impl AppRights {
    const fn grants(self) -> &'static str {
        match self {
            Self::Full => "SELECT, INSERT, UPDATE, DELETE",
            Self::AppendOnly => "SELECT, INSERT",
            Self::ReadOnly => "SELECT",
            Self::Fenced => "SELECT, INSERT, UPDATE (fence)",
            Self::Keys => "SELECT, INSERT, UPDATE (revoked_at)",
        }
    }
}

/// Builds statements for the connected database.
pub(crate) struct Ddl<'a> {
    manager: &'a SchemaManager<'a>,
}

impl<'a> Ddl<'a> {
    pub(crate) const fn new(manager: &'a SchemaManager<'a>) -> Self {
        Self { manager }
    }

    pub(crate) fn is_postgres(&self) -> bool {
        self.manager.get_database_backend() == DbBackend::Postgres
    }

    /// The nil id of the platform tenant, as a literal.
    pub(crate) fn platform_tenant(&self) -> &'static str {
        if self.is_postgres() { "'00000000-0000-0000-0000-000000000000'" } else { "zeroblob(16)" }
    }

    /// Runs one statement, with `{uuid} {bytes} {bool}` replaced by the database's types.
    pub(crate) async fn run(&self, sql: &str) -> Result<(), DbErr> {
        let (uuid, bytes, boolean) =
            if self.is_postgres() { ("uuid", "bytea", "boolean") } else { ("BLOB", "BLOB", "INTEGER") };
        let sql = sql.replace("{uuid}", uuid).replace("{bytes}", bytes).replace("{bool}", boolean);
        self.manager.get_connection().execute_unprepared(&sql).await.map(|_| ())
    }

    /// Creates a table; `columns` is the text between the parentheses.
    pub(crate) async fn table(&self, name: &str, columns: &str) -> Result<(), DbErr> {
        if self.is_postgres() {
            return self.run(&format!("CREATE TABLE {name} ({columns})")).await;
        }
        // Strict tables refuse values of another type; they know integers of one width only.
        let columns = columns.replace(" BIGINT", " INTEGER").replace(" SMALLINT", " INTEGER");
        self.run(&format!("CREATE TABLE {name} ({columns}) STRICT")).await
    }

    /// Adds a column, which is null, or its default, in every row that there is.
    pub(crate) async fn column(&self, table: &str, column: &str) -> Result<(), DbErr> {
        let column = if self.is_postgres() { column.to_owned() } else { column.replace(" BIGINT", " INTEGER") };
        self.run(&format!("ALTER TABLE {table} ADD COLUMN {column}")).await
    }

    /// Changes rows of all tenants. On `PostgreSQL` the login that owns the tables sees none while security is forced on it, so it is
    /// lifted from these until the statement has run, within the migration's transaction, which locks them for everybody else.
    pub(crate) async fn as_owner(&self, tables: &[&str], sql: &str) -> Result<(), DbErr> {
        for (force, runs) in [("NO FORCE", true), ("FORCE", false)] {
            for table in tables.iter().filter(|_| self.is_postgres()) {
                self.run(&format!("ALTER TABLE {table} {force} ROW LEVEL SECURITY")).await?;
            }
            if runs {
                self.run(sql).await?;
            }
        }
        Ok(())
    }

    /// Creates a table whose rows belong to one tenant, named by `tenant_column`.
    pub(crate) async fn tenant_table(
        &self,
        name: &str,
        tenant_column: &str,
        rights: AppRights,
        columns: &str,
    ) -> Result<(), DbErr> {
        self.table(name, columns).await?;
        if !self.is_postgres() {
            return Ok(());
        }
        let mut own = format!("{tenant_column} = nullif(current_setting('app.tenant_id', true), '')::uuid");
        if rights == AppRights::Keys {
            own = format!("{own} AND {tenant_column} <> {}", self.platform_tenant());
        }
        self.run(&format!("ALTER TABLE {name} ENABLE ROW LEVEL SECURITY")).await?;
        self.run(&format!("ALTER TABLE {name} FORCE ROW LEVEL SECURITY")).await?;
        self.run(&format!(
            "CREATE POLICY own_tenant ON {name} FOR ALL TO gangway_app USING ({own}) WITH CHECK ({own})"
        ))
        .await?;
        self.run(&format!(
            "CREATE POLICY every_tenant ON {name} FOR ALL TO gangway_system USING (true) WITH CHECK (true)"
        ))
        .await?;
        self.run(&format!("GRANT {} ON {name} TO gangway_app", rights.grants())).await?;
        self.run(&format!("GRANT SELECT, INSERT, UPDATE, DELETE ON {name} TO gangway_system")).await
    }

    /// Creates a table without tenants: the system role writes it, the application role gets `app_grants`.
    pub(crate) async fn global_table(&self, name: &str, app_grants: Option<&str>, columns: &str) -> Result<(), DbErr> {
        self.table(name, columns).await?;
        if !self.is_postgres() {
            return Ok(());
        }
        if let Some(grants) = app_grants {
            self.run(&format!("GRANT {grants} ON {name} TO gangway_app")).await?;
        }
        self.run(&format!("GRANT SELECT, INSERT, UPDATE, DELETE ON {name} TO gangway_system")).await
    }

    /// Makes the two working roles when they are missing, and lets this login take them.
    ///
    /// The login must be `NOINHERIT`, else both roles' policies apply to it between transactions; `doctor` reports it.
    pub(crate) async fn roles(&self) -> Result<(), DbErr> {
        if !self.is_postgres() {
            return Ok(());
        }
        self.run(
            "DO $$ BEGIN
               IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'gangway_app') THEN
                 CREATE ROLE gangway_app NOLOGIN NOBYPASSRLS;
               END IF;
               IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'gangway_system') THEN
                 CREATE ROLE gangway_system NOLOGIN NOBYPASSRLS;
               END IF;
             EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
             END $$",
        )
        .await?;
        // Since PostgreSQL 16 whoever creates a role is its member without the right to take it, and whether rights are
        // inherited is said by each grant rather than by the login.
        self.run(
            "DO $$ DECLARE
               is_per_grant CONSTANT boolean := current_setting('server_version_num')::int >= 160000;
               right_to_take CONSTANT text := CASE WHEN is_per_grant THEN 'SET' ELSE 'MEMBER' END;
             BEGIN
               IF NOT pg_has_role(current_user, 'gangway_app', right_to_take)
                  OR NOT pg_has_role(current_user, 'gangway_system', right_to_take) THEN
                 EXECUTE format('GRANT gangway_app, gangway_system TO %I', current_user)
                   || CASE WHEN is_per_grant THEN ' WITH INHERIT FALSE, SET TRUE' ELSE '' END;
               END IF;
             END $$",
        )
        .await?;
        self.run("GRANT USAGE ON SCHEMA public TO gangway_app, gangway_system").await
    }
}

/// Lets the database's owner create tables in the schema `public`.
///
/// Since PostgreSQL 15 the owner may do so as a member of `pg_database_owner`, which a `NOINHERIT` login does not benefit
/// from. The statement is a transaction of its own: no session state stays behind.
pub(crate) async fn may_create(db: &impl ConnectionTrait) -> Result<(), DbErr> {
    if db.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    db.execute_unprepared(
        "DO $$ DECLARE login CONSTANT name := current_user; BEGIN
           IF NOT has_schema_privilege('public', 'CREATE') THEN
             IF pg_has_role('pg_database_owner', 'MEMBER') THEN
               PERFORM set_config('role', 'pg_database_owner', true);
               EXECUTE format('GRANT CREATE ON SCHEMA public TO %I', login);
               EXECUTE format('GRANT USAGE ON SCHEMA public TO %I WITH GRANT OPTION', login);
               PERFORM set_config('role', 'none', true);
             END IF;
           END IF;
         END $$",
    )
    .await
    .map(|_| ())
}

/// The answer of every `down`: migrations only go forward.
pub(crate) fn forward_only(name: &str) -> DbErr {
    DbErr::Migration(format!("{name} cannot be undone: restore a backup instead (docs/operations.md)"))
}
