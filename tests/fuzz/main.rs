//! `make fuzz`: see `docs/fuzzing.md`.

#![expect(clippy::print_stdout, reason = "progress and the table are what it is run for")]
#![expect(clippy::indexing_slicing, reason = "places are drawn from what is there")]

#[path = "mod.rs"]
mod fuzz;

use std::{env, fs, path::PathBuf, process::ExitCode, time::Duration};

use fuzz::{
    engine::{Budget, Report, run, try_one},
    targets,
};

const USAGE: &str = "usage: gangway-fuzz [--target NAME] [--inputs N | --seconds N] [--seed N] [--replay FILE]";

struct Options {
    target: Option<String>,
    budget: Budget,
    seed: u64,
    replay: Option<PathBuf>,
}

fn options() -> Result<Options, String> {
    let mut options = Options { target: None, budget: Budget::Time(Duration::from_mins(1)), seed: 1, replay: None };
    let mut words = env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
        let number = || value.replace('_', "").parse::<u64>().map_err(|_| format!("{value} is no number"));
        match word.as_str() {
            "--target" => options.target = Some(value),
            "--inputs" => options.budget = Budget::Inputs(number()?),
            "--seconds" => options.budget = Budget::Time(Duration::from_secs(number()?)),
            "--seed" => options.seed = number()?,
            "--replay" => options.replay = Some(PathBuf::from(value)),
            _ => return Err(format!("{word} is not known")),
        }
    }
    Ok(options)
}

fn main() -> ExitCode {
    match options().and_then(|options| carry_out(&options)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            println!("{message}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// Answers whether everything held.
fn carry_out(options: &Options) -> Result<bool, String> {
    let all = targets::all();
    let known = || all.iter().map(|target| target.name).collect::<Vec<_>>().join(", ");
    let chosen: Vec<_> =
        all.iter().filter(|target| options.target.as_deref().is_none_or(|name| name == target.name)).collect();
    if chosen.is_empty() {
        return Err(format!("there is no such target; there are {}", known()));
    }
    if let Some(file) = &options.replay {
        let [target] = chosen[..] else { return Err("--replay needs --target".to_owned()) };
        let input = fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
        println!("{}: {:?}", target.name, try_one(target, &input));
        return Ok(true);
    }
    let mut reports = Vec::new();
    for target in chosen {
        reports.push(run(target, options.budget, options.seed, &mut |line| println!("{line}")));
    }
    println!("\n{}", Report::HEAD);
    for report in &reports {
        println!("{report}");
    }
    Ok(reports.iter().all(Report::is_good))
}
