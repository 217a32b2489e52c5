//! `gangway demo`: everything in one process, with a sandbox vendor and a tenant that was set up through the same use cases as
//! the API.
//!
//! Each step finds what an earlier start left, so a start that was killed in the middle is simply gone through again. What
//! can't be found again (flags, key texts, the master key) is in the data folder, see [`state`].

mod next_steps;
mod progress;
mod seed;
mod state;

use std::{net::SocketAddr, process::ExitCode, time::Duration};

use anyhow::bail;
use gangway_app::App;
use gangway_sandbox::Sandbox;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use self::state::State;
use crate::{
    assemble,
    cli::DemoArgs,
    commands,
    config::{Config, MasterKeys},
    data_folder::DataFolder,
    database::Target,
    print,
    serve::{self, Running, free_address},
    shutdown,
};

/// An origin that webhooks of the demo may go to, for a receiver of one's own.
pub const WEBHOOK_ORIGIN: &str = "http://127.0.0.1:8099";
/// A demo ends within five seconds of Ctrl-C.
const DRAIN: Duration = Duration::from_millis(1500);
/// A killed demo's job runs again after this: nobody else can hold it, since the folder is locked.
const LEASE: Duration = Duration::from_secs(3);

/// Runs until a signal.
///
/// # Errors
/// One line that says what stands in the way: a taken port, other flags than before, a folder of something else.
pub async fn run(flags: &DemoArgs, config: Config) -> anyhow::Result<ExitCode> {
    let began = Instant::now();
    let tasks = TaskTracker::new();
    let stop = shutdown::on_signal(&tasks)?;
    let folder = DataFolder::open(&config.data)?;
    let _lock = folder.lock()?;
    let mut state = State::take_up(&folder, flags)?;

    // Ports first: what a failed start leaves behind must not bind the next one to its flags.
    let listen = free_address(state.listen())?;
    let admin = serve::admin(&config).await?;
    let sandbox = commands::sandbox::bind(state.sandbox(&folder), "--sandbox-listen")?;
    let mut config = demo_config(config, listen, &sandbox)?;
    state.keep_ports(&folder, config.listen, sandbox.addr())?;
    config.keys = MasterKeys::single(state::master_key(&folder)?);

    let target = Target::of(&config)?;
    target.check().await?;
    target.prepare().await?;
    let app = assemble::app(&config, config.keys.ring()?, target.connect().await?).await?;
    let running = Running::start(app.clone(), admin, &config, &tasks, &stop)?;
    announce(&config, &sandbox, &target);

    // Boxed: the whole onboarding is one large future.
    let seeded = stop.run_until_cancelled(Box::pin(onboard(&app, &folder, &mut state, &sandbox, began))).await;
    let outcome = match seeded {
        Some(Err(error)) => {
            stop.cancel();
            Err(error)
        }
        Some(Ok(())) | None => Ok(()),
    };
    let ended = running.until(stop).await;
    sandbox.stop().await;
    print::note("stopped");
    outcome.and(ended).map(|()| ExitCode::SUCCESS)
}

async fn onboard(
    app: &App,
    folder: &DataFolder,
    state: &mut State,
    sandbox: &Sandbox,
    began: Instant,
) -> anyhow::Result<()> {
    let seeded = seed::run(app, folder, state, sandbox).await?;
    let counts = progress::wait(&seeded).await?;
    let seconds = state.first_sync_seconds(folder, began.elapsed())?;
    print::line(&format!(
        "first sync complete: {} employees, {} absences, {} attendances in {seconds:.1} s",
        counts.employees, counts.absences, counts.attendances
    ));
    next_steps::print(&seeded, state).await
}

fn demo_config(mut config: Config, listen: SocketAddr, sandbox: &Sandbox) -> anyhow::Result<Config> {
    if config.database.url.take().is_some() {
        print::note("the demo keeps its data in its own folder; database.url is not used");
    }
    config.database.system_url = None;
    config.database.migration_url = None;
    config.listen = listen;
    config.public_url = None;
    config.worker.lease = config.worker.lease.min(LEASE);
    config.worker.drain = config.worker.drain.min(DRAIN);
    let Ok(origin) = sandbox.base_url().parse() else {
        bail!("the sandbox's address {} is no origin", sandbox.base_url())
    };
    config.connector_origins.push(origin);
    config.webhook_origins.push(WEBHOOK_ORIGIN.parse()?);
    Ok(config)
}

fn announce(config: &Config, sandbox: &Sandbox, target: &Target) {
    print::line(&format!("gangway {} demo", env!("CARGO_PKG_VERSION")));
    print::line(&format!("api: http://{} (documentation at http://{}/docs)", config.listen, config.listen));
    print::line(&format!("sandbox vendor: {}", sandbox.base_url()));
    print::line(&format!("data: {}", target.place()));
    print::line(&format!("webhooks may go to: {WEBHOOK_ORIGIN}"));
}
