//! How often each data key sealed: counted in memory, added to the stored sums now and then.
//!
//! Every process stores its counts each minute and when it ends. What a process that is killed had not stored is lost, at
//! most a minute's worth; the margin between the rotation by count and the limit is made for that.

use std::sync::Arc;

use chrono::Duration;
use gangway_storage::{SystemReason, data_keys::DataKeyPlace};

use super::{Cached, Keys, TenantKeys, lock};
use crate::{App, Result};

/// Rows changed per transaction.
const BATCH: usize = 200;
/// How long the keys of a tenant that nobody asks for stay in memory.
const IDLE: Duration = Duration::minutes(10);

type Count = (Arc<TenantKeys>, DataKeyPlace, u64);

/// Adds this process's counts to the stored ones, and forgets the keys of tenants that are at rest.
pub async fn store_counts(app: &App) -> Result<()> {
    let mut counts = app.keys.take_counts();
    // Processes lock rows in the same order, so that they do not wait for each other in a circle.
    counts.sort_by_key(|(_, place, _)| *place);
    let mut outcome = Ok(());
    for batch in counts.chunks(BATCH) {
        if outcome.is_ok() {
            outcome = store(app, batch).await;
        }
        if outcome.is_err() {
            // Perhaps only the answer was lost: counting twice is harmless, not counting is not.
            for (keys, (_, key), n_seals) in batch {
                keys.return_count(*key, *n_seals);
            }
        }
    }
    app.keys.forget_idle(app);
    outcome
}

async fn store(app: &App, batch: &[Count]) -> Result<()> {
    let tx = app.db.begin_system(SystemReason::RotateKeys).await?;
    for (_, place, n_seals) in batch {
        tx.data_keys().add_seals(*place, *n_seals).await?;
    }
    tx.commit().await?;
    Ok(())
}

impl Keys {
    fn take_counts(&self) -> Vec<Count> {
        let tenants: Vec<_> = lock(&self.tenants).values().map(|Cached { keys, .. }| Arc::clone(keys)).collect();
        let counts = tenants.into_iter().flat_map(|keys| {
            let counts = keys.take_counts();
            counts.into_iter().map(move |(place, n_seals)| (Arc::clone(&keys), place, n_seals))
        });
        counts.collect()
    }

    fn forget_idle(&self, app: &App) {
        let now = app.now();
        lock(&self.tenants).retain(|_, Cached { read_at, keys }| {
            // One that somebody holds may still seal.
            now - *read_at < IDLE || Arc::strong_count(keys) > 1 || keys.has_counts()
        });
    }
}
