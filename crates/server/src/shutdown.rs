//! Stopping: the first signal asks for an orderly end, the second ends at once.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::print;

/// Exit code after an interrupt, as shells expect it.
const INTERRUPTED: i32 = 130;

/// Cancels the answered token at the first SIGINT or SIGTERM.
///
/// # Errors
/// When the system refuses signal handlers.
pub fn on_signal(tasks: &TaskTracker) -> anyhow::Result<CancellationToken> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let stop = CancellationToken::new();
    let told = stop.clone();
    tasks.spawn(async move {
        let ended = told.clone();
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            () = ended.cancelled() => return,
        }
        print::note("stopping: running work is finished first; Ctrl-C again ends at once");
        told.cancel();
        // Also listens while draining, so that nobody has to wait for it.
        tokio::select! {
            _ = interrupt.recv() => std::process::exit(INTERRUPTED),
            _ = terminate.recv() => std::process::exit(INTERRUPTED),
        }
    });
    Ok(stop)
}
