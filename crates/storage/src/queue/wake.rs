//! Waking the fetchers: in this process through a counter, in others through PostgreSQL's `NOTIFY`.
//!
//! Both are hints; the fetchers' short poll is the net, also behind a pooler through which `LISTEN` does not work. `NOTIFY`
//! is never sent inside the transaction: it would take a lock for the whole database at every commit.

use std::sync::LazyLock;

use sea_orm::{ConnectionTrait, sqlx};
use tokio::sync::watch;

use crate::{Db, Error, Result};

const CHANNEL: &str = "gangway_queue";

/// One for the process: a wake for another database of the same process (tests) costs one poll.
static WAKES: LazyLock<watch::Sender<u64>> = LazyLock::new(|| watch::Sender::new(0));

/// Only what this process enqueued itself: notices from others must not be passed on again.
static ENQUEUED: LazyLock<watch::Sender<u64>> = LazyLock::new(|| watch::Sender::new(0));

/// Changes whenever this process has enqueued jobs, for whoever tells the other processes.
pub fn enqueued() -> watch::Receiver<u64> {
    ENQUEUED.subscribe()
}

/// Changes whenever jobs were enqueued by this process, or another one said so.
pub fn wakes() -> watch::Receiver<u64> {
    WAKES.subscribe()
}

fn wake_fetchers() {
    WAKES.send_modify(|count| *count = count.wrapping_add(1));
}

/// Wakes the fetchers once the commit has succeeded.
#[derive(Debug)]
#[must_use = "jobs wait for the poll otherwise"]
pub(crate) struct WakeAfterCommit {
    has_jobs: bool,
}

impl WakeAfterCommit {
    pub(super) const fn new(has_jobs: bool) -> Self {
        Self { has_jobs }
    }

    /// To be called after the commit: a fetcher woken earlier would find nothing.
    pub(crate) fn send(self) {
        if self.has_jobs {
            wake_fetchers();
            ENQUEUED.send_modify(|count| *count = count.wrapping_add(1));
        }
    }
}

impl Db {
    /// Tells the other processes that jobs were enqueued here. On SQLite there are none.
    pub async fn notify_queue(&self) -> Result<()> {
        if !self.is_postgres() {
            return Ok(());
        }
        let statement = sea_orm::Statement::from_string(sea_orm::DbBackend::Postgres, format!("NOTIFY {CHANNEL}"));
        Ok(self.system_pool().execute_raw(statement).await.map(|_| ())?)
    }

    /// Listens for other processes' notices; `None` on SQLite.
    pub async fn listen_queue(&self) -> Result<Option<Listener>> {
        if !self.is_postgres() {
            return Ok(None);
        }
        let pool = self.system_pool().get_postgres_connection_pool();
        let mut listener = sqlx::postgres::PgListener::connect_with(pool).await.map_err(unavailable)?;
        listener.listen(CHANNEL).await.map_err(unavailable)?;
        Ok(Some(Listener(listener)))
    }
}

/// Other processes' notices.
#[derive(Debug)]
pub struct Listener(sqlx::postgres::PgListener);

impl Listener {
    /// Waits for the next notice and wakes this process's fetchers.
    pub async fn wake_on_notice(&mut self) -> Result<()> {
        self.0.recv().await.map_err(unavailable)?;
        wake_fetchers();
        Ok(())
    }
}

fn unavailable(error: sqlx::Error) -> Error {
    Error::Unavailable(sea_orm::DbErr::Conn(sea_orm::RuntimeErr::SqlxError(error.into())))
}
