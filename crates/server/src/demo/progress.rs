//! Waits for the first run of each stream and shows how far it is: a bar on a terminal, a line per step elsewhere.

use std::{collections::BTreeMap, io::IsTerminal as _, time::Duration};

use anyhow::bail;
use gangway_app::syncs;
use gangway_domain::{
    record::Stream,
    sync::{RunState, SyncRun},
};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::seed::Seeded;
use crate::{commands::explain, print};

const LOOK: Duration = Duration::from_millis(150);
/// A step of the plain lines: quarters of a stream, or twice as many where their number is not known.
const STEPS: i64 = 4;

/// Records of the first runs.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Employees.
    pub(super) employees: i64,
    /// Absences.
    pub(super) absences: i64,
    /// Attendances.
    pub(super) attendances: i64,
}

/// Waits until each stream has been read completely once.
///
/// # Errors
/// When a run failed; the message says why.
pub(super) async fn wait(seeded: &Seeded) -> anyhow::Result<Counts> {
    let mut counts = Counts::default();
    let mut shown = Shown::new();
    for sync in &seeded.syncs {
        let read = loop {
            let now = syncs::get(&seeded.ctx, sync.id).await.map_err(explain)?;
            let run = match now.last_run {
                Some(run) => Some(syncs::get_run(&seeded.ctx, run).await.map_err(explain)?),
                None => None,
            };
            if let Some(run) = &run {
                shown.update(run);
            }
            match run {
                _ if now.first_completed_at.is_some() => break count(seeded, sync.stream).await?,
                Some(run) if matches!(run.state, RunState::Failed | RunState::Held) => {
                    let why = run.error_message.unwrap_or_else(|| "deletions wait for a human".to_owned());
                    bail!("the first sync of {} ended early: {why}", sync.stream.as_str())
                }
                _ => tokio::time::sleep(LOOK).await,
            }
        };
        match sync.stream {
            Stream::Employees => counts.employees = read,
            Stream::Absences => counts.absences = read,
            Stream::Attendances => counts.attendances = read,
        }
        shown.done(sync.stream, read);
    }
    shown.finish();
    Ok(counts)
}

/// Records of a stream, as the last run that read all of them counted.
async fn count(seeded: &Seeded, stream: Stream) -> anyhow::Result<i64> {
    let page = gangway_storage::PageRequest { limit: 200, after: None };
    let runs = syncs::list_runs(&seeded.ctx, seeded.sync(stream)?, page).await.map_err(explain)?.items;
    let whole = runs.iter().rfind(|run| run.state == RunState::Completed && run.since.is_none());
    Ok(whole.map_or(0, |run| run.counts.seen - run.counts.quarantined))
}

struct Shown {
    bar: Option<ProgressBar>,
    steps: BTreeMap<Stream, i64>,
}

impl Shown {
    fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(Some(1), ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("{msg:12} [{bar:30}] {pos}/{len}");
            if let Ok(style) = style {
                bar.set_style(style.progress_chars("=> "));
            }
            bar
        });
        Self { bar, steps: BTreeMap::new() }
    }

    fn update(&mut self, run: &SyncRun) {
        let (seen, total) = (run.counts.seen, run.total.unwrap_or(0).max(run.counts.seen).max(1));
        if let Some(bar) = &self.bar {
            bar.set_message(run.stream.as_str());
            bar.set_length(u64::try_from(total).unwrap_or(1));
            bar.set_position(u64::try_from(seen).unwrap_or(0));
            return;
        }
        let before = self.steps.entry(run.stream).or_insert(0);
        if run.state != RunState::Running {
            return;
        }
        // Not every vendor tells how many there are.
        let (step, of) = match run.total {
            Some(_) => (seen * STEPS / total, format!(" of {total}")),
            None => (i64::from(seen.checked_ilog2().unwrap_or(0)), String::new()),
        };
        if step > *before && (run.total.is_none() || step < STEPS) {
            *before = step;
            print::line(&format!("syncing {}: {seen}{of}", run.stream.as_str()));
        }
    }

    fn done(&self, stream: Stream, read: i64) {
        let text = format!("synced {}: {read}", stream.as_str());
        match &self.bar {
            Some(bar) => bar.suspend(|| print::line(&text)),
            None => print::line(&text),
        }
    }

    fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
