//! `make bench`: see `docs/benchmarks.md`. Each part can be run alone; all print one table at the end.

#![expect(clippy::print_stdout, reason = "progress and the table are what it is run for")]
#![expect(clippy::indexing_slicing, reason = "places come from what is there")]

mod api;
mod budget;
mod engine;
mod footprint;
mod freshness;
mod jobs;
mod platform;
mod report;
mod shared_budget;
mod sync;
mod wire;

use std::{process::ExitCode, time::Instant};

use report::Report;

/// Parts in the order in which they run.
const PARTS: [&str; 7] = ["footprint", "sync", "memory", "api", "jobs", "fairness", "budget"];
/// Parts that run only when they are named.
const NAMED: [&str; 3] = ["freshness", "shared-budget", "budget-grid"];

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<ExitCode> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    if let [word, url, port] = words.as_slice()
        && word == "bare-handler"
    {
        actix_web::rt::System::new().block_on(api::serve_bare(url, port.parse()?))?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(unknown) = words.iter().find(|word| !PARTS.iter().chain(&NAMED).any(|part| part == word)) {
        println!("{unknown} is no part; there are {}", [&PARTS[..], &NAMED].concat().join(", "));
        return Ok(ExitCode::from(2));
    }
    let mut report = Report::default();
    println!("load at the start: {}", load());
    let is_asked = |part: &&&str| words.iter().any(|word| word == **part);
    let by_default = PARTS.iter().filter(|part| words.is_empty() || is_asked(part));
    for part in by_default.chain(NAMED.iter().filter(is_asked)) {
        let begun = Instant::now();
        println!("{part} …");
        runtime.block_on(run(part, &mut report))?;
        println!("{part}: {:.0} s", begun.elapsed().as_secs_f64());
    }
    println!("load at the end: {}\n\n{}", load(), report.table());
    Ok(ExitCode::SUCCESS)
}

async fn run(part: &str, report: &mut Report) -> anyhow::Result<()> {
    match part {
        "footprint" => footprint::measure(report).await,
        "sync" => sync::measure(report, 20_000).await,
        "memory" => sync::measure(report, 200_000).await,
        "api" => api::measure(report).await,
        "jobs" => jobs::throughput(report).await,
        "fairness" => jobs::fairness(report).await,
        "freshness" => freshness::measure(report).await,
        "shared-budget" => shared_budget::real_time(report).await,
        "budget-grid" => tokio::task::block_in_place(|| shared_budget::grid(report)),
        _ => budget::measure(report).await,
    }
}

/// The machine's load, and its cores.
fn load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: Vec<&str> = load.split(' ').take(3).collect();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{} on {cores} cores", load.join(" "))
}
