//! What a database leaves on disk: its files, its write-ahead log and what the server says in its own log.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _};

use super::{TestDb, postgres};

/// A file system's clock is coarser than the system's.
const CLOCK_SLACK: Duration = Duration::from_secs(2);

/// `PostgreSQL` compresses long values, and a compressed value can't be searched for.
const UNCOMPRESSED: &str = "DO $$ DECLARE c record; BEGIN
    FOR c IN SELECT attrelid::regclass AS tab, attname AS col FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
             WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND attnum > 0 AND NOT attisdropped
               AND attstorage IN ('x', 'm') AND atttypid <> 'numeric'::regtype
    LOOP EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET STORAGE EXTERNAL', c.tab, c.col); END LOOP;
  END $$";

/// The disk of one database, watched since [`Disk::of`].
#[derive(Debug)]
pub struct Disk {
    began: SystemTime,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Sqlite(PathBuf),
    Postgres(Server),
    /// A server whose folder nobody named.
    Elsewhere,
}

#[derive(Debug)]
struct Server {
    folder: PathBuf,
    owner_url: String,
    /// The folder of the database's tables in the data folder: `base/16384`.
    tables: String,
    /// The first file of the write-ahead log that holds something of the database's.
    log_begins: String,
}

impl Disk {
    /// Begins to watch a database that nobody uses yet. On `PostgreSQL` its long values are stored uncompressed from here on, and
    /// the server logs every statement of its sessions with the values bound to it: more than any sane operator sets.
    ///
    /// # Panics
    /// When the server does not do it, or its folder is unknown in a run that leaves nothing out.
    pub async fn of(db: &TestDb) -> Self {
        let began = SystemTime::now();
        let place = match db.folder() {
            Some(folder) => Place::Sqlite(folder.to_owned()),
            None => match crate::postgres_folder() {
                Some(folder) => Place::Postgres(Server::of(db, folder).await),
                None => Place::Elsewhere,
            },
        };
        Self { began, place }
    }

    /// The files that were written since, with everything flushed to them. On `PostgreSQL` these are also files that other
    /// databases wrote to at the same time; a file that was not written to since can't hold what nobody knew before.
    ///
    /// # Panics
    /// When a kind of file is missing that the search must look at.
    pub async fn written(&self) -> Vec<PathBuf> {
        match &self.place {
            Place::Sqlite(folder) => files_since(folder, self.began),
            Place::Postgres(server) => {
                server.flush().await;
                let files = files_since(&server.folder, self.began);
                for part in [&*server.tables, &*server.log_begins, SERVER_LOG] {
                    let has_part = files.iter().any(|file| file.to_string_lossy().contains(part));
                    assert!(
                        has_part,
                        "{part} is not among the {} files written in {}",
                        files.len(),
                        server.folder.display()
                    );
                }
                files
            }
            Place::Elsewhere => Vec::new(),
        }
    }

    /// Whether there are files to look at.
    pub fn is_known(&self) -> bool {
        !matches!(self.place, Place::Elsewhere)
    }
}

/// The name of the server's own log, beside its data.
pub const SERVER_LOG: &str = "postgres.log";

impl Server {
    async fn of(db: &TestDb, folder: PathBuf) -> Self {
        let owner_url = db.owner_url().to_owned();
        let mut connection = connect(&owner_url).await;
        let sql = "SELECT 'base/' || oid || '/' AS tables, pg_walfile_name(pg_current_wal_insert_lsn() + 1) AS log_begins, datname::text
                   FROM pg_database WHERE datname = current_database()";
        let row = connection.fetch_one(sql).await.expect("the catalogue can be read");
        let name: String = row.get("datname");
        postgres::run(&mut connection, UNCOMPRESSED).await;
        postgres::run(&mut connection, &format!("ALTER DATABASE \"{name}\" SET log_statement = 'all'")).await;
        postgres::run(&mut connection, &format!("ALTER DATABASE \"{name}\" SET log_parameter_max_length = -1")).await;
        let server = Self { folder, owner_url, tables: row.get("tables"), log_begins: row.get("log_begins") };
        postgres::close(connection).await;
        server
    }

    /// A checkpoint writes the pages, and the write-ahead log up to itself.
    async fn flush(&self) {
        let mut connection = connect(&self.owner_url).await;
        connection.execute(AssertSqlSafe("CHECKPOINT")).await.expect("the owner may order a checkpoint");
        postgres::close(connection).await;
    }
}

async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url).await.expect("the owner may connect")
}

/// The files under a folder. What vanishes meanwhile belonged to somebody else's test.
fn files_since(folder: &Path, since: SystemTime) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else { return files };
    for entry in entries.flatten() {
        let Ok(data) = entry.metadata() else { continue };
        if data.is_dir() {
            files.extend(files_since(&entry.path(), since));
        } else if data.is_file() && data.modified().is_ok_and(|at| at + CLOCK_SLACK >= since) {
            files.push(entry.path());
        }
    }
    files
}
