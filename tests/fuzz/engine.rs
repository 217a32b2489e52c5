//! The loop: an input is made, tried, timed by the thread's own clock, and kept when it was answered in a new way.

use std::{
    collections::HashSet,
    env, fmt, fs,
    panic::{self, AssertUnwindSafe},
    path::PathBuf,
    time::{Duration, Instant},
};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use rustix::time::{ClockId, clock_gettime};

use super::{mutate, targets::Target};

/// Longest that an input may take, of the thread's own time.
pub(crate) const LONGEST: Duration = Duration::from_millis(100);
/// Inputs kept beside the seeds.
const MOST_KEPT: usize = 4_000;
/// Between two lines of progress.
const LOOK: Duration = Duration::from_secs(10);
/// Panics and slow inputs that are written down.
const MOST_FINDINGS: usize = 20;

/// When to stop.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Budget {
    Inputs(u64),
    Time(Duration),
}

/// What came of one input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Answered, in a way that this number stands for.
    Answered(u64),
    /// It panicked, or a property did not hold.
    Panicked(String),
}

/// What came of a target.
pub(crate) struct Report {
    target: &'static str,
    n_inputs: u64,
    took: Duration,
    pub(crate) n_panics: usize,
    slowest: Duration,
    n_ways: usize,
    pub(crate) findings: Vec<PathBuf>,
}

impl Report {
    pub(crate) const HEAD: &str =
        "target          inputs     seconds  panics  slowest (ms of thread CPU)  ways of answering";

    pub(crate) fn is_good(&self) -> bool {
        self.n_panics == 0 && self.slowest <= LONGEST
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { target, n_inputs, took, n_panics, slowest, n_ways, findings } = self;
        let (seconds, millis) = (took.as_secs_f64(), slowest.as_secs_f64() * 1e3);
        write!(f, "{target:<12} {n_inputs:>10} {seconds:>10.1} {n_panics:>7} {millis:>27.2} {n_ways:>18}")?;
        for finding in findings {
            let file = finding.display();
            write!(f, "\n  written to {file}; replay: make fuzz ARGS=\"--target {target} --replay {file}\"")?;
        }
        Ok(())
    }
}

/// Tries one input.
pub(crate) fn try_one(target: &Target, input: &[u8]) -> Outcome {
    panic::catch_unwind(AssertUnwindSafe(|| (target.run)(input))).map_or_else(
        |reason| {
            let text = reason.downcast_ref::<String>().cloned();
            let text = text.or_else(|| reason.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Outcome::Panicked(text.unwrap_or_default())
        },
        Outcome::Answered,
    )
}

/// Tries inputs until the budget is used up.
pub(crate) fn run(target: &Target, budget: Budget, seed: u64, tell: &mut dyn FnMut(String)) -> Report {
    // A panic is told once, with its input, and not by the hook each time.
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let report = search(target, budget, seed, tell);
    panic::set_hook(hook);
    report
}

fn search(target: &Target, budget: Budget, seed: u64, tell: &mut dyn FnMut(String)) -> Report {
    let mut dice = StdRng::seed_from_u64(seed);
    let mut corpus: Vec<Vec<u8>> = (target.seeds)();
    let n_seeds = corpus.len();
    let mut ways = HashSet::new();
    let (started, mut told) = (Instant::now(), Instant::now());
    let mut report = Report {
        target: target.name,
        n_inputs: 0,
        took: Duration::ZERO,
        n_panics: 0,
        slowest: Duration::ZERO,
        n_ways: 0,
        findings: Vec::new(),
    };
    loop {
        let is_over = match budget {
            Budget::Inputs(n) => report.n_inputs >= n,
            Budget::Time(time) => started.elapsed() >= time,
        };
        if is_over {
            break;
        }
        let place = usize::try_from(report.n_inputs).unwrap_or(usize::MAX);
        let input = if place < n_seeds { corpus[place].clone() } else { mutate::one(&mut dice, &corpus) };
        report.n_inputs += 1;
        let before = thread_time();
        let outcome = try_one(target, &input);
        let took = thread_time().saturating_sub(before);
        let is_slow = took > LONGEST;
        report.slowest = report.slowest.max(took);
        match outcome {
            Outcome::Panicked(reason) => {
                report.n_panics += 1;
                note(&mut report, &input, &reason, tell);
            }
            Outcome::Answered(_) if is_slow => note(&mut report, &input, &format!("it took {took:?}"), tell),
            Outcome::Answered(way) => {
                if ways.insert(way) && place >= n_seeds {
                    if corpus.len() < n_seeds + MOST_KEPT {
                        corpus.push(input);
                    } else {
                        let mut place = || dice.random_range(n_seeds..corpus.len());
                        let (one, other) = (place(), place());
                        let longer = if corpus[one].len() > corpus[other].len() { one } else { other };
                        corpus[longer] = input;
                    }
                }
            }
        }
        if told.elapsed() >= LOOK {
            told = Instant::now();
            let rate = report.n_inputs / started.elapsed().as_secs().max(1);
            tell(format!(
                "{}: {} inputs, {rate}/s, {} ways, {} panics",
                target.name,
                report.n_inputs,
                ways.len(),
                report.n_panics
            ));
        }
    }
    report.took = started.elapsed();
    report.n_ways = ways.len();
    report
}

/// Writes an input down that did not do well.
fn note(report: &mut Report, input: &[u8], reason: &str, tell: &mut dyn FnMut(String)) {
    if report.findings.len() >= MOST_FINDINGS {
        return;
    }
    let name = format!("gangway-fuzz-{}-{}-{}", report.target, std::process::id(), report.n_inputs);
    let file = env::temp_dir().join(name);
    match fs::write(&file, input) {
        Ok(()) => tell(format!("{}: {reason}: {}", report.target, file.display())),
        Err(error) => tell(format!("{}: {reason}; the input could not be written: {error}", report.target)),
    }
    report.findings.push(file);
}

/// What this thread has computed so far: a machine that does something else meanwhile does not count.
pub(crate) fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
}
