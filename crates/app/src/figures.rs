//! What the gauges of the whole database show. Read when somebody looks, and not more often than every ten seconds.

use std::time::Duration;

use chrono::{DateTime, Utc};
use gangway_domain::{connection::ConnectionState, job::JobClass, record::Stream};
use gangway_metrics::{database, jobs, syncs};
use gangway_storage::{
    SystemReason,
    figures::{Amount, Figures, MOST},
};

use crate::{App, Result, jobs::QUEUES};

/// How long what was read is shown again.
pub const KEEP: Duration = Duration::from_secs(10);

/// Reads the database and sets the gauges.
///
/// # Errors
/// When the database does not answer: the gauges that are read from it stay as they were, and one says so.
pub async fn refresh(app: &App) -> Result<()> {
    for (pool, idle, used) in app.db.connections() {
        database::CONNECTIONS.set(idle.into(), [pool, "idle"]);
        database::CONNECTIONS.set(used.into(), [pool, "used"]);
    }
    // Whether it answers at all is another question than whether it counts in time.
    let answers = app.db.ping().await;
    database::UP.set(answers.is_ok().into(), []);
    answers?;
    let read = read(app).await;
    database::LOOKS.add(1, [if read.is_ok() { "done" } else { "failed" }]);
    read
}

/// Notes that the database did not answer.
pub fn unanswered() {
    database::UP.set(0, []);
    database::LOOKS.add(1, ["failed"]);
}

async fn read(app: &App) -> Result<()> {
    let now = app.now();
    let tx = app.db.begin_system(SystemReason::Measure).await?;
    let figures = tx.figures().read(now, QUEUES, MOST).await?;
    let uses = tx.data_keys().list_master_keys().await?;
    tx.commit().await?;
    show(&figures, now);

    let mut by_place = [("current", 0), ("previous", 0), ("missing", 0)];
    for used in uses {
        let place = app.keys.place_of(&used.master_key_id);
        let n = i64::try_from(used.n_data_keys).unwrap_or(i64::MAX);
        by_place.iter_mut().filter(|(name, _)| *name == place).for_each(|(_, sum)| *sum += n);
    }
    for (place, n) in by_place {
        database::DATA_KEYS.set(n, [place]);
    }
    Ok(())
}

/// Sets every value, also of what is not there: else the gauge would go on showing what was there before.
fn show(figures: &Figures, now: DateTime<Utc>) {
    let age = |amount: Amount| amount.oldest.map_or(0, |oldest| (now - oldest).num_seconds().max(0));
    for class in [JobClass::Interactive, JobClass::Normal, JobClass::Bulk] {
        let amount = find(&figures.waiting, &class);
        jobs::WAITING.set(amount.n, [class.as_str()]);
        jobs::OLDEST_WAITING.set(age(amount), [class.as_str()]);
    }
    jobs::FAILED.set(figures.n_failed, []);
    for stream in Stream::ALL {
        let amount = find(&figures.running, &stream);
        syncs::RUNNING.set(amount.n, [stream.as_str()]);
        syncs::OLDEST_RUNNING.set(age(amount), [stream.as_str()]);
    }
    syncs::OVERDUE.set(figures.n_overdue, []);
    syncs::HELD.set(figures.held.n, []);
    syncs::OLDEST_HELD.set(age(figures.held), []);
    for state in ConnectionState::ALL {
        syncs::CONNECTIONS.set(find(&figures.connections, &state), [state.as_str()]);
    }
    syncs::PAUSED.set(figures.n_paused, []);
    database::UNCHAINED.set(figures.unchained.n, []);
    database::OLDEST_UNCHAINED.set(age(figures.unchained), []);
    database::TENANTS.set(figures.tenants.0, ["active"]);
    database::TENANTS.set(figures.tenants.1, ["suspended"]);
}

fn find<K: PartialEq, V: Copy + Default>(found: &[(K, V)], key: &K) -> V {
    found.iter().find(|(k, _)| k == key).map(|(_, value)| *value).unwrap_or_default()
}
