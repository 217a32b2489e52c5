//! `gangway key rewrap`: makes every data key independent of previous master keys, beside running processes.

use std::process::ExitCode;

use gangway_app::{
    App,
    seal::{self, MasterKeyUse, Mode, Progress, Rewrapped},
};

use crate::{assemble, print};

/// Wraps every data key anew under the current master key, and says which master keys are needed from then on.
///
/// # Errors
/// When a master key is missing, or the database does not answer.
pub async fn run(app: &App, mode: Mode) -> anyhow::Result<ExitCode> {
    let done = match mode {
        Mode::Write => "rewrapped",
        Mode::DryRun => "opened",
    };
    let tell = |Progress { n_done, n_total }| print::line(&format!("{done} {n_done} of {n_total} data keys"));
    let Rewrapped { current, n_rewrapped, damaged, uses } =
        seal::rewrap(&assemble::operator(app), mode, tell).await.map_err(super::explain)?;
    for (tenant, key) in &damaged {
        print::error(&format!(
            "the data key {key} of {tenant} does not open and stays as it is; restore its row from a backup"
        ));
    }
    let previous: Vec<_> = uses.iter().filter(|used| used.master_key_id != current).map(describe).collect();
    print::line(&match (mode, previous.is_empty()) {
        (_, true) => format!("every data key is wrapped by master key {current}; no previous one is needed"),
        (Mode::DryRun, false) => format!("would rewrap {n_rewrapped} data keys under master key {current}"),
        (Mode::Write, false) if damaged.is_empty() => format!(
            "meanwhile another process made data keys under a previous master key ({}); restart it with the current one \
             and run this again",
            previous.join(", ")
        ),
        (Mode::Write, false) => format!("a previous master key is still needed ({})", previous.join(", ")),
    });
    let is_done = damaged.is_empty() && (mode == Mode::DryRun || previous.is_empty());
    Ok(if is_done { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A master key and how much depends on it.
pub(super) fn describe(used: &MasterKeyUse) -> String {
    let MasterKeyUse { master_key_id, n_data_keys } = used;
    format!("{master_key_id} for {n_data_keys} data {}", if *n_data_keys == 1 { "key" } else { "keys" })
}
