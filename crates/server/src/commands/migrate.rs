//! `gangway migrate` and `gangway migrate status`.

use std::process::ExitCode;

use crate::{cli::MigrateCommand, config::Config, database::Target, print};

/// Brings the schema up to date, or lists migrations.
///
/// # Errors
/// When the database does not answer, is damaged, or is run by another process.
pub async fn run(command: Option<&MigrateCommand>, config: &Config) -> anyhow::Result<ExitCode> {
    if let Some(MigrateCommand::Status) = command {
        let status = match Target::existing(config)? {
            Some(target) => target.status().await?,
            None => Target::status_of_none(),
        };
        for (name, is_applied) in &status {
            print::line(&format!("{}  {name}", if *is_applied { "applied" } else { "pending" }));
        }
        let is_current = status.iter().all(|(_, is_applied)| *is_applied);
        return Ok(if is_current { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let target = Target::of(config)?;
    let _lock = target.lock()?;
    match target.migrate().await? {
        0 => print::line(&format!("the schema of {} is up to date", target.place())),
        n => print::line(&format!("ran {n} migrations on {}", target.place())),
    }
    Ok(ExitCode::SUCCESS)
}
