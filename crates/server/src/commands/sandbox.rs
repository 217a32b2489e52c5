//! `gangway sandbox personio`: a vendor to try against. It needs no settings, keys or data.

use std::process::ExitCode;

use gangway_sandbox::{Config, Sandbox};
use secrecy::ExposeSecret as _;
use tokio_util::task::TaskTracker;

use crate::{
    cli::{PersonioArgs, SandboxCommand},
    print, shutdown,
};

/// Serves until a signal.
///
/// # Errors
/// When the port is taken.
pub async fn run(vendor: &SandboxCommand) -> anyhow::Result<ExitCode> {
    let SandboxCommand::Personio(flags) = vendor;
    let PersonioArgs { listen, people, seed, company, dialect, no_rate_limit } = flags;
    let mut config = Config::new(*people, *seed).with_dialect((*dialect).into());
    config.listen = *listen;
    config.company.clone_from(company);
    if *no_rate_limit {
        config = config.without_rate_limit();
    }
    let stop = shutdown::on_signal(&TaskTracker::new())?;
    let sandbox = Sandbox::bind(config)?;
    print::line(&format!("sandbox of Personio with {people} people at {}", sandbox.base_url()));
    print::line(&format!("base_url={}", sandbox.base_url()));
    print::line(&format!("client_id={}", sandbox.client_id()));
    print::line(&format!("client_secret={}", sandbox.client_secret().expose_secret()));
    sandbox.run(async move { stop.cancelled().await }).await;
    Ok(ExitCode::SUCCESS)
}
