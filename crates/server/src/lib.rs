//! The composition root: reads the command line and the settings, puts the parts together, runs them and stops them.
//!
//! One [`cli`] command is one file in [`commands`], [`serve`] or [`demo`]. Nothing here decides anything about tenants,
//! keys or records: commands call the same use cases of `gangway-app` as the API does. Only [`config`] reads the
//! environment, and only [`mod@print`] writes to standard output; logs go to standard error.

pub mod admin;
pub mod assemble;
pub mod cli;
pub mod commands;
pub mod config;
pub mod data_folder;
pub mod database;
pub mod demo;
pub mod observer;
pub mod print;
pub mod running;
pub mod serve;
pub mod shutdown;
pub mod sole;
pub mod telemetry;

use std::process::ExitCode;

use clap::Parser as _;

use crate::{
    cli::{Cli, Command},
    config::{Config, Environment, Overrides},
    running::Role,
    telemetry::{Meters, Telemetry},
};

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(code) => code,
        Err(error) => {
            print::error(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> anyhow::Result<ExitCode> {
    if matches!(cli.command, Command::Openapi) {
        return commands::openapi::run();
    }
    let loaded = config::load(cli.config.as_deref(), &Environment::of_this_process(), &Overrides::of(&cli.command));
    match &cli.command {
        Command::Config { .. } => return Ok(commands::config_check::run(&loaded)),
        Command::Doctor { .. } => return block_on(commands::doctor::run(loaded)),
        _ => {}
    }
    let config = loaded.into_config()?;
    // The exporter makes a blocking client, which must not happen inside the runtime.
    let telemetry = Telemetry::install(&config.log, config.otlp_endpoint.as_ref())?;
    let outcome = block_on(dispatch(&cli.command, config, telemetry.meters()));
    telemetry.shut_down();
    outcome
}

async fn dispatch(command: &Command, config: Config, meters: Meters) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve { .. } => serve::run(Role::Everything, config, meters).await,
        Command::Api { .. } => serve::run(Role::Api, config, meters).await,
        Command::Worker { .. } => serve::run(Role::Worker, config, meters).await,
        Command::Demo(flags) => demo::run(flags, config, meters).await,
        Command::Migrate { command, .. } => commands::migrate::run(command.as_ref(), &config).await,
        Command::Sandbox { vendor } => commands::sandbox::run(vendor).await,
        Command::Tenant { command } => commands::tenant::run(command, &config).await,
        Command::Key { command } => commands::key::run(command, &config).await,
        Command::Audit { command } => commands::audit::run(command, &config).await,
        Command::Config { .. } | Command::Openapi | Command::Doctor { .. } => Ok(ExitCode::SUCCESS),
    }
}

fn block_on(future: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(future);
    // Work that does not end (a name resolution, a blocked thread) must not hold the process.
    runtime.shutdown_timeout(std::time::Duration::from_millis(500));
    outcome
}
