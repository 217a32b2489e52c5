//! `gangway sandbox personio`: a vendor to try against. It needs no settings, keys or data.

use std::process::ExitCode;

use gangway_sandbox::{BindError, Config, Sandbox, StateError};
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
    let PersonioArgs { listen, people, seed, company, dialect, no_rate_limit, webhook_speed, webhook_origin } = flags;
    let mut config = Config::new(*people, *seed).with_dialect((*dialect).into());
    config.listen = *listen;
    config.company.clone_from(company);
    config.webhooks.speed = *webhook_speed;
    config.webhooks.allowed_origins = webhook_origin.iter().map(ToString::to_string).collect();
    if *no_rate_limit {
        config = config.without_rate_limit();
    }
    let stop = shutdown::on_signal(&TaskTracker::new())?;
    let sandbox = bind(config, "--listen")?;
    print::line(&format!("sandbox of Personio with {people} people at {}", sandbox.base_url()));
    print::line(&format!("base_url={}", sandbox.base_url()));
    print::line(&format!("client_id={}", sandbox.client_id()));
    print::line(&format!("client_secret={}", sandbox.client_secret().expose_secret()));
    sandbox.run(async move { stop.cancelled().await }).await;
    Ok(ExitCode::SUCCESS)
}

/// Starts a sandbox; `flag` is the one that gives it another address.
///
/// # Errors
/// One line with what to do.
pub(crate) fn bind(config: Config, flag: &str) -> anyhow::Result<Sandbox> {
    Sandbox::bind(config).map_err(|error| match error {
        BindError::Listen { .. } => {
            anyhow::anyhow!("{error}; stop what listens there, or choose another address with {flag}")
        }
        // The library's text may quote a token.
        BindError::State(StateError::Damaged { .. }) => anyhow::anyhow!("{error}"),
        BindError::State(_) => anyhow::Error::new(error),
    })
}
