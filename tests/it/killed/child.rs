//! A process that works until no job is due, or until SIGKILL ends it at the commit that its settings name.
//!
//! Nothing of this is in the binary that ships: storage traces its commits, and only this process counts them.

mod platform;

use std::{
    io,
    sync::atomic::{AtomicU64, Ordering},
};

use anyhow::Context as _;
use gangway_domain::ManualClock;
use rustix::process::{Signal, getpid, kill_process};
use tracing::{Event, Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    Layer,
    filter::Targets,
    layer::{Context, SubscriberExt as _},
    util::SubscriberInitExt as _,
};

use self::platform::Settings;

/// Where storage traces commits.
const COMMITS: &str = "gangway_storage::access";

/// Ends the process at a moment.
struct Killer {
    moment: u64,
    n_seen: AtomicU64,
}

impl<S: Subscriber> Layer<S> for Killer {
    fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
        if self.n_seen.fetch_add(1, Ordering::Relaxed) + 1 == self.moment {
            kill_process(getpid(), Signal::KILL).expect("a process may kill itself");
        }
    }
}

fn main() -> anyhow::Result<()> {
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    let settings: Settings = serde_json::from_str(&line).context("the first line of input is not the settings")?;
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?.block_on(async {
        let app = platform::app(&settings, &ManualClock::new(settings.now)).await;
        if let Some(moment) = settings.moment {
            let killer = Killer { moment, n_seen: AtomicU64::new(0) };
            let only_commits = Targets::new().with_target(COMMITS, LevelFilter::TRACE);
            tracing_subscriber::registry().with(killer.with_filter(only_commits)).init();
        }
        platform::work(&app).await;
    });
    Ok(())
}
