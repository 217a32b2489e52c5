//! Carrying out a run: read a page, commit it with its place, ask again; then settle what is gone and end the run.

use std::ops::ControlFlow;

use gangway_connector::{Checkpoint, Page, ReadPage};
use gangway_domain::{Code, id::SyncRunId};
use gangway_storage::queue::JobFence;

use super::{
    finish, keep, page,
    start::{self, Reading},
};
use crate::{Ctx, Error, Result};

/// How a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The run has ended, or is gone.
    Done,
    /// There is more to do; everything read so far is committed.
    Yield,
}

/// A turn that ended in an error. What was committed before stays.
#[derive(Debug)]
pub struct Interrupted {
    /// Why.
    pub error: Error,
    /// Whether the turn brought the run forward before: then its trouble is not that of the turns before it.
    pub moved_on: bool,
}

/// Carries a run out until it ends or `should_stop` says so between two pages.
///
/// Idempotent: whatever was committed is not done again, and a worker whose lease was lost commits nothing. An error leaves
/// the run where its last page put it; [`super::fail`] ends it when no more tries are left.
pub async fn execute(
    ctx: &Ctx,
    run: SyncRunId,
    fence: &JobFence,
    should_stop: &(dyn Fn() -> bool + Send + Sync),
) -> std::result::Result<Progress, Interrupted> {
    match Box::pin(take_turn(ctx, run, fence, should_stop)).await {
        // Deleted beneath the turn, with its sync or connection.
        Err(Interrupted { error, .. }) if error.code == Code::NotFound && is_gone(ctx, run).await => Ok(Progress::Done),
        turn => turn,
    }
}

async fn take_turn(
    ctx: &Ctx,
    run: SyncRunId,
    fence: &JobFence,
    should_stop: &(dyn Fn() -> bool + Send + Sync),
) -> std::result::Result<Progress, Interrupted> {
    let begun = Box::pin(start::begin(ctx, run, fence)).await;
    let Some(mut reading) = begun.map_err(|error| Interrupted { error, moved_on: false })? else {
        return Ok(Progress::Done);
    };
    let from = reading.place.clone();
    let turn = Box::pin(carry_on(ctx, &mut reading, fence, should_stop)).await;
    turn.map_err(|error| Interrupted { error, moved_on: reading.place != from })
}

/// Whether the run is known to be gone.
async fn is_gone(ctx: &Ctx, run: SyncRunId) -> bool {
    let found = async {
        let tx = ctx.app().db.begin_read(ctx.scope()).await?;
        let run = tx.runs().find(run).await?;
        tx.commit().await?;
        Ok::<_, Error>(run)
    };
    matches!(found.await, Ok(None))
}

async fn carry_on(
    ctx: &Ctx,
    reading: &mut Reading,
    fence: &JobFence,
    should_stop: &(dyn Fn() -> bool + Send + Sync),
) -> Result<Progress> {
    while !reading.place.done {
        if should_stop() {
            return Ok(Progress::Yield);
        }
        let page = read(reading).await?;
        if let ControlFlow::Break(progress) = Box::pin(page::commit(ctx, reading, fence, page)).await? {
            return Ok(progress);
        }
    }
    if !Box::pin(keep::apply_to_the_rest(ctx, reading, fence, should_stop)).await? {
        return Ok(Progress::Yield);
    }
    Box::pin(finish::finish(ctx, reading, fence, should_stop)).await
}

async fn read(reading: &Reading) -> Result<Page> {
    let Reading { run, place, opened, .. } = reading;
    let request = ReadPage::new(run.stream, reading.mode(), reading.class)
        .with_window(run.window)
        .with_checkpoint(place.next.clone().map(Checkpoint::from_stored))
        .with_api_version(place.api_version.clone());
    let page = opened.source()?.read_page(request).await?;
    // A page that leads nowhere or back to itself would be read for ever.
    let next = page.next.as_ref().map(Checkpoint::as_str);
    if !page.done && (next.is_none() || next == place.next.as_deref()) {
        return Err(Error::new(
            Code::VendorProtocol,
            format!("The pages of {} do not come to an end; nothing more was read.", run.stream.as_str()),
        ));
    }
    Ok(page)
}
