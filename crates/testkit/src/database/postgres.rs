//! Databases on a test server: migrated once into a template per test binary, cloned for each test, dropped at its end.

use std::{
    fmt::Write as _,
    sync::atomic::{AtomicU32, Ordering},
    time::UNIX_EPOCH,
};

use sha2::{Digest as _, Sha256};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use url::Url;

const LOGIN: &str = "gangway_test_login";
/// Protects nothing: the server is thrown away with the tests and listens on loopback.
const PASSWORD: &str = "gangway-test";
/// Serialises making roles and templates, across processes.
const LOCK: i64 = 0x6761_6e67_7761_7901;

/// The server's URL, with a login that may make databases and roles.
pub(super) fn server() -> Option<Url> {
    crate::postgres_url().map(|url| Url::parse(&url).expect("GANGWAY_TEST_POSTGRES_URL is a URL"))
}

/// A clone of the template.
pub(super) struct Clone {
    server: Url,
    name: String,
    login_url: String,
    owner_url: String,
}

impl Clone {
    pub(super) async fn make(server: &Url) -> Self {
        let template = ensure_template(server).await;
        Self::create(server, &format!("TEMPLATE \"{template}\"")).await
    }

    /// One with the migrations up to that one only.
    pub(super) async fn make_at(server: &Url, migration: &str) -> Self {
        // The template's making made the roles.
        ensure_template(server).await;
        let made = Self::create(server, "").await;
        super::migrate(&made.owner_url, Some(migration)).await;
        made
    }

    async fn create(server: &Url, like: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("gangway_test_{}_{count}", std::process::id());
        let mut connection = connect(server).await;
        // A leftover of a killed run with the same process id.
        run(&mut connection, &format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)")).await;
        run(&mut connection, &format!("CREATE DATABASE \"{name}\" {like}")).await;
        close(connection).await;
        let mut login_url = database(server, &name);
        login_url.set_username(LOGIN).expect("the URL has a host");
        login_url.set_password(Some(PASSWORD)).expect("the URL has a host");
        let owner_url = database(server, &name).to_string();
        Self { server: server.clone(), name, login_url: login_url.to_string(), owner_url }
    }

    pub(super) fn login_url(&self) -> &str {
        &self.login_url
    }

    pub(super) fn owner_url(&self) -> &str {
        &self.owner_url
    }
}

impl Drop for Clone {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        // A thread of its own: this may be dropped inside a runtime, which must not be blocked on itself.
        let dropping = std::thread::spawn(move || {
            let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
            runtime.block_on(async {
                let mut connection = connect(&server).await;
                run(&mut connection, &format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)")).await;
                close(connection).await;
            });
        });
        // A panic in there was printed; a second one here would abort the process.
        drop(dropping.join());
    }
}

/// Makes roles and template unless another test of this binary has.
async fn ensure_template(server: &Url) -> String {
    let name = format!("gangway_template_{}", build_id());
    let mut connection = connect(server).await;
    run(&mut connection, &format!("SELECT pg_advisory_lock({LOCK})")).await;
    let sql = format!("SELECT 1 FROM pg_database WHERE datname = '{name}'");
    let found = connection.fetch_optional(AssertSqlSafe(sql)).await.expect("the catalogue can be read");
    if found.is_none() {
        let making = format!("{name}_making");
        run(&mut connection, &format!("DROP DATABASE IF EXISTS \"{making}\" WITH (FORCE)")).await;
        run(&mut connection, &format!("CREATE DATABASE \"{making}\"")).await;
        super::migrate(database(server, &making).as_str(), None).await;
        run(&mut connection, &login_role()).await;
        run(&mut connection, &format!("ALTER DATABASE \"{making}\" RENAME TO \"{name}\"")).await;
    }
    // The lock ends with the session.
    close(connection).await;
    name
}

/// What an operator makes for production: plain, `NOINHERIT`, a member of the two working roles.
fn login_role() -> String {
    format!(
        "DO $$ BEGIN
           IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{LOGIN}') THEN
             CREATE ROLE {LOGIN} LOGIN NOINHERIT NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE PASSWORD '{PASSWORD}';
           END IF;
           GRANT gangway_app, gangway_system TO {LOGIN};
         END $$"
    )
}

/// Changes whenever the binary, and so perhaps the schema, does.
fn build_id() -> String {
    let path = std::env::current_exe().expect("a process has a binary");
    let file = std::fs::metadata(&path).expect("the running binary is there");
    let built = file.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    let digest = Sha256::digest(format!("{}|{}|{}", path.display(), file.len(), built.as_nanos()));
    digest.iter().take(8).fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes everything");
        text
    })
}

fn database(server: &Url, name: &str) -> Url {
    let mut url = server.clone();
    url.set_path(name);
    url
}

async fn connect(server: &Url) -> PgConnection {
    PgConnection::connect(server.as_str()).await.expect("the server of GANGWAY_TEST_POSTGRES_URL answers")
}

pub(super) async fn run(connection: &mut PgConnection, sql: &str) {
    let outcome = connection.execute(AssertSqlSafe(sql.to_owned())).await;
    outcome.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

pub(super) async fn close(connection: PgConnection) {
    // A server that is going away has closed it already.
    drop(connection.close().await);
}
