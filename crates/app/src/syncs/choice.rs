//! The tenant's choice of attributes on records that no run is about to read: there is no sync, or its runs fail.
//!
//! Nobody is asked, and nothing is an event: what is no longer chosen leaves the records, their sealed part and the vendor's bytes. What
//! is chosen and was never kept comes with the next run that reads it.

use gangway_domain::{id::ConnectionId, record::Stream};
use gangway_storage::{TenantTx, queue::JobFence};

use super::{
    execute::Progress,
    keep,
    rebuild::Reader,
    remap::{STREAM, connector_of, lock},
};
use crate::{
    Ctx, Result, attributes,
    jobs::{self, ApplyChoice},
};

/// Makes every record of a connection follow the choice, gone ones too, until `should_stop` says so between two batches.
///
/// Idempotent: a record that follows the choice says so, and is left alone.
pub async fn apply_choice(
    ctx: &Ctx,
    connection: ConnectionId,
    fence: &JobFence,
    should_stop: &(dyn Fn() -> bool + Send + Sync),
) -> Result<Progress> {
    while !should_stop() {
        if !apply_to_some(ctx, connection, fence).await? {
            return Ok(Progress::Done);
        }
    }
    Ok(Progress::Yield)
}

async fn apply_to_some(ctx: &Ctx, id: ConnectionId, fence: &JobFence) -> Result<bool> {
    let app = ctx.app();
    let keys = app.keys.tenant(app, ctx.scope()).await?;
    let tx = app.db.begin(ctx.scope()).await?;
    tx.fence(fence).await?;
    let Some(connector) = lock(&tx, id).await? else { return Ok(false) };
    let connector = connector_of(ctx, &connector)?;
    let selection = attributes::selection(ctx, &tx, id, STREAM).await?;
    let reader = Reader { connector, hash_key: keys.hash_key(), selection: &selection };
    let is_more = keep::treat_batch(&tx, id, STREAM, &keys, &reader).await?;
    tx.commit().await?;
    Ok(is_more)
}

/// Enqueues the work where records are not kept by the choice, since no run is sure to do it.
pub(crate) async fn enqueue_choice(
    ctx: &Ctx,
    tx: &mut TenantTx,
    connection: ConnectionId,
    stream: Stream,
    version: &str,
) -> Result<()> {
    if stream == STREAM && !tx.records().list_not_kept_by(connection, stream, version, 1).await?.is_empty() {
        jobs::enqueue(ctx, tx, &ApplyChoice { connection })?;
    }
    Ok(())
}
