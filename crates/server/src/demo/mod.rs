//! `gangway demo`: everything in one process, with a sandbox vendor and a tenant that was set up through the same use cases as
//! the API.
//!
//! Each step finds what an earlier start left, so a start that was killed in the middle is simply gone through again. What
//! can't be found again (flags, ids, key texts, the master key) is in the data folder, see [`state`].

mod master_key;
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

pub(crate) use self::master_key::kept_master_key;
use self::{master_key::master_key, state::State};
use crate::{
    assemble,
    cli::DemoArgs,
    commands,
    config::{Config, DEFAULT_LISTEN, MasterKeys},
    data_folder::DataFolder,
    database::Target,
    print,
    running::{Role, Running},
    serve::{self, free_address},
    shutdown,
    telemetry::Meters,
};

/// An origin that webhooks of the demo may go to, for a receiver of one's own.
pub const WEBHOOK_ORIGIN: &str = "http://127.0.0.1:8099";
/// A demo ends within five seconds of Ctrl-C.
const DRAIN: Duration = Duration::from_millis(1500);

/// Runs until a signal.
///
/// # Errors
/// One line that says what stands in the way: a taken port, other flags than before, a folder of something else.
pub async fn run(flags: &DemoArgs, config: Config, meters: Meters) -> anyhow::Result<ExitCode> {
    let began = Instant::now();
    let tasks = TaskTracker::new();
    let stop = shutdown::on_signal(&tasks)?;
    let folder = DataFolder::open(&config.data)?;
    let _lock = folder.lock()?;
    let mut state = State::take_up(&folder, flags)?;

    // Ports first: what a failed start leaves behind must not bind the next one to its flags.
    let sandbox_config = state.sandbox(&folder);
    apart(state.listen(), sandbox_config.listen)?;
    let sandbox = commands::sandbox::bind(sandbox_config, "--sandbox-listen")?;
    let admin = serve::admin(&config).await?;
    let listen = free_address(state.listen())?;
    let mut config = demo_config(config, listen, &sandbox)?;
    state.keep_ports(&folder, config.listen, sandbox.addr())?;
    config.keys = MasterKeys::single(master_key(&folder)?);

    let target = Target::of(&config)?;
    target.check().await?;
    target.prepare().await?;
    let app = assemble::app(&config, config.keys.ring()?, target.connect().await?).await?;
    let running = Running::start(Role::Everything, app.clone(), (admin, meters), &config, &tasks, &stop)?;
    state.settle(&folder)?;
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

/// The system would say that another program has the port.
fn apart(api: SocketAddr, sandbox: SocketAddr) -> anyhow::Result<()> {
    let is_one_host = api.ip() == sandbox.ip() || api.ip().is_unspecified() || sandbox.ip().is_unspecified();
    anyhow::ensure!(
        api.port() == 0 || api.port() != sandbox.port() || !is_one_host,
        "API and sandbox cannot both listen on {sandbox}; give one of them another address with --listen or --sandbox-listen"
    );
    Ok(())
}

fn demo_config(mut config: Config, listen: SocketAddr, sandbox: &Sandbox) -> anyhow::Result<Config> {
    // A flag is in there too, and is what the demo listens on.
    if config.listen != DEFAULT_LISTEN && config.listen != listen && config.listen.port() != 0 {
        let configured = config.listen;
        print::note(&format!("the demo listens on {listen}; server.listen ({configured}) is not used, --listen is"));
    }
    if config.database.url.take().is_some() {
        print::note("the demo keeps its data in its own folder; database.url is not used");
    }
    config.database.system_url = None;
    config.database.migration_url = None;
    config.listen = listen;
    config.public_url = None;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_for_both_is_told_before_the_system_blames_others() {
        let is_refused = |api: &str, sandbox: &str| apart(api.parse().unwrap(), sandbox.parse().unwrap()).is_err();
        assert!(is_refused("127.0.0.1:8080", "127.0.0.1:8080"));
        assert!(is_refused("0.0.0.0:8080", "127.0.0.1:8080"));
        assert!(!is_refused("127.0.0.1:8080", "127.0.0.1:8090"));
        assert!(!is_refused("127.0.0.1:8080", "127.0.0.2:8080"));
        assert!(!is_refused("127.0.0.1:0", "127.0.0.1:0"), "any two are not one");
    }
}
