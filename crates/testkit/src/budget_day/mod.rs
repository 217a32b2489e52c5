//! A day of a vendor's limit: processes that count together and call for all they are worth, people who ask now and then, and crises.
//!
//! The vendor counts in its own way and keeps a ledger; what it refuses is judged by that alone. On a [`SimulatedRedis`]
//! and tokio's paused clock an hour takes seconds; on a real server and the real clock the same processes show the same.

mod process;
mod vendor;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use gangway_limits::{PathLimit, Policy, ScriptServer};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tokio::time::{Instant, sleep, sleep_until};

use tokio_util::task::TaskTracker;

pub use self::vendor::Counts;
use self::{
    process::{Process, Scene},
    vendor::{BURST, CEILING, Vendor, WINDOW},
};
use crate::{Contents, SimulatedRedis};

/// Somebody asks so often on the average.
const ASKED_EVERY: f64 = 2.0;
/// How long Redis is away.
const AWAY: Duration = Duration::from_secs(20);
/// After it came back, windows are not what they are without a crisis for so long.
const AFTERMATH: Duration = Duration::from_secs(65);
/// A process that died is there again after so long.
const REPLACED: Duration = Duration::from_secs(1);

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crisis {
    /// Nothing.
    None,
    /// A process dies and is replaced.
    Process,
    /// Redis dies, and comes back empty or as it was.
    Redis,
    /// Both die together.
    Both,
}

impl Crisis {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::None, Self::Process, Self::Redis, Self::Both];
}

/// What is played.
#[derive(Debug, Clone)]
pub struct Day {
    /// How the vendor counts.
    pub counts: Counts,
    /// Callers that never stop, over all processes.
    pub n_workers: usize,
    /// Processes.
    pub n_processes: usize,
    /// What goes wrong, and how often.
    pub crisis: Crisis,
    /// From one crisis to the next.
    pub every: Duration,
    /// Not measured.
    pub warm_up: Duration,
    /// Measured.
    pub steady: Duration,
    /// Of all that is drawn by lot.
    pub seed: u64,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Requests that the vendor counted.
    pub n_sent: usize,
    /// Refusals that the rule has to answer for.
    pub n_refused: usize,
    /// Refusals in windows in which the store and a holder of slots died together.
    pub n_unsure: usize,
    /// Accepted requests as a part of the most that are possible, in the time without a crisis of Redis.
    pub use_of_ceiling: f64,
    /// The same while Redis was away; none when it never was.
    pub use_while_away: Option<f64>,
    /// How long interactive calls waited in the time without a crisis of Redis, in seconds, sorted.
    pub waits: Vec<f64>,
}

/// Times in which something was the matter.
#[derive(Debug, Default)]
struct Spans(Vec<(Instant, Instant)>);

impl Spans {
    fn contain(&self, at: Instant) -> bool {
        self.0.iter().any(|(from, to)| at >= *from && at < *to)
    }

    fn seconds(&self, from: Instant, to: Instant) -> f64 {
        let within = |(begun, ended): &(Instant, Instant)| {
            let (begun, ended) = ((*begun).max(from), (*ended).min(to));
            ended.saturating_duration_since(begun).as_secs_f64()
        };
        self.0.iter().map(within).sum()
    }
}

/// What went wrong when.
#[derive(Debug, Default)]
struct Crises {
    away: Spans,
    disturbed: Spans,
    unsure: Spans,
}

struct Stage {
    server: Arc<dyn ScriptServer>,
    simulated: Option<SimulatedRedis>,
    scene: Arc<Scene>,
    processes: Vec<Process>,
    n_workers_each: usize,
    random: StdRng,
    n_crises: usize,
    crises: Crises,
}

/// Plays a day on the played Redis.
///
/// # Errors
/// When a process can't start.
pub async fn simulate(day: &Day) -> anyhow::Result<Outcome> {
    let redis = SimulatedRedis::start();
    play(day, Arc::new(redis.clone()), Some(redis)).await
}

/// Plays a day without crises on any server, in its time.
///
/// # Errors
/// When a process can't start.
pub async fn observe(day: &Day, server: Arc<dyn ScriptServer>) -> anyhow::Result<Outcome> {
    anyhow::ensure!(day.crisis == Crisis::None, "only a played server can be killed");
    play(day, server, None).await
}

async fn play(day: &Day, server: Arc<dyn ScriptServer>, simulated: Option<SimulatedRedis>) -> anyhow::Result<Outcome> {
    let mut random = StdRng::seed_from_u64(day.seed);
    let phase = Duration::from_secs_f64(random.random_range(0.0..WINDOW.as_secs_f64()));
    let paths = match day.counts {
        Counts::SlidingAndBurst => vec![PathLimit::new("/v1/people", BURST, Duration::from_secs(1))],
        Counts::Sliding | Counts::Fixed | Counts::Bucket => Vec::new(),
    };
    let policy = Arc::new(Policy { ceiling: CEILING, window: WINDOW, paths, ..Policy::default() });
    let vendor = Arc::new(Vendor::new(day.counts, phase));
    let (namespace, sent) = (format!("day-{}", day.seed), TaskTracker::new());
    let scene = Arc::new(Scene { vendor, policy, namespace, sent, waits: Mutex::default() });
    let mut stage = Stage {
        server,
        simulated,
        scene,
        processes: Vec::new(),
        n_workers_each: day.n_workers / day.n_processes,
        random,
        n_crises: 0,
        crises: Crises::default(),
    };
    for _ in 0..day.n_processes {
        stage.start_process().await?;
    }
    let begun = Instant::now() + day.warm_up;
    let ended = begun + day.steady;
    let mut next_crisis = if day.crisis == Crisis::None { ended } else { begun + day.every };
    loop {
        let next_question = Instant::now() + stage.until_next_question();
        if next_crisis.min(next_question) >= ended {
            break;
        }
        if next_crisis <= next_question {
            sleep_until(next_crisis).await;
            next_crisis += day.every;
            stage.suffer(day.crisis).await?;
        } else {
            sleep_until(next_question).await;
            stage.ask();
        }
    }
    sleep_until(ended).await;
    Ok(stage.outcome(begun, ended))
}

impl Stage {
    async fn start_process(&mut self) -> anyhow::Result<()> {
        let seed = self.random.random();
        let process = Process::start(Arc::clone(&self.server), &self.scene, self.n_workers_each, seed).await?;
        self.processes.push(process);
        Ok(())
    }

    /// Questions come independently of each other.
    fn until_next_question(&mut self) -> Duration {
        Duration::from_secs_f64(-self.random.random_range(f64::MIN_POSITIVE..1.0_f64).ln() * ASKED_EVERY)
    }

    fn ask(&mut self) {
        let (seed, place) = (self.random.random(), self.random.random_range(0..self.processes.len()));
        if let Some(process) = self.processes.get_mut(place) {
            process.ask(seed);
        }
    }

    async fn suffer(&mut self, crisis: Crisis) -> anyhow::Result<()> {
        self.n_crises += 1;
        let from = Instant::now();
        let contents = if self.n_crises.is_multiple_of(2) { Contents::Same } else { Contents::Empty };
        if let Some(redis) = self.simulated.clone().filter(|_| crisis != Crisis::Process) {
            redis.kill();
            if crisis == Crisis::Both {
                self.replace_one().await?;
            }
            sleep(AWAY).await;
            redis.restart(contents);
            self.crises.away.0.push((from, Instant::now()));
            let until = Instant::now() + AFTERMATH;
            self.crises.disturbed.0.push((from, until));
            if crisis == Crisis::Both {
                self.crises.unsure.0.push((from, until));
            }
            return Ok(());
        }
        self.replace_one().await
    }

    async fn replace_one(&mut self) -> anyhow::Result<()> {
        let place = self.random.random_range(0..self.processes.len());
        self.processes.swap_remove(place).kill();
        sleep(REPLACED).await;
        self.start_process().await
    }

    fn outcome(self, begun: Instant, ended: Instant) -> Outcome {
        let Self { scene, processes, crises, .. } = self;
        processes.into_iter().for_each(Process::kill);
        let ledger = scene.vendor.ledger();
        let measured = |at: &Instant| *at >= begun && *at < ended;
        let accepted = || ledger.iter().filter(|hit| !hit.is_refused).map(|hit| hit.at).filter(measured);
        // A slot is held for a window after the answer; two ways of 40 ms, and a second once in a hundred.
        let most = |seconds: f64| f64::from(CEILING) * seconds / (WINDOW.as_secs_f64() + 2.0 * 0.0496);
        let calm = ended.duration_since(begun).as_secs_f64() - crises.disturbed.seconds(begun, ended);
        let away = crises.away.seconds(begun, ended);
        let refused = || ledger.iter().filter(|hit| hit.is_refused);
        let waits = scene.waits.lock().unwrap_or_else(PoisonError::into_inner);
        let waits = waits.iter().filter(|(came, _)| measured(came) && !crises.disturbed.contain(*came));
        let mut waits: Vec<f64> = waits.map(|(_, waited)| waited.as_secs_f64()).collect();
        waits.sort_by(f64::total_cmp);
        Outcome {
            n_sent: ledger.len(),
            n_refused: refused().filter(|hit| !crises.unsure.contain(hit.at)).count(),
            n_unsure: refused().filter(|hit| crises.unsure.contain(hit.at)).count(),
            use_of_ceiling: count(accepted().filter(|at| !crises.disturbed.contain(*at))) / most(calm),
            use_while_away: (away > 0.0).then(|| count(accepted().filter(|at| crises.away.contain(*at))) / most(away)),
            waits,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of requests")]
fn count(items: impl Iterator) -> f64 {
    items.count() as f64
}
