//! Random accounts that change while the engine reads them, with a simple model as the judge.
//!
//! A seed is a list of steps: people come, change, leave and are deleted; rights are lost and found; the vendor fails, miscounts and
//! hides; workers die and stall; time passes; the tenant chooses, releases and refuses. Then everything becomes quiet, and what is
//! held must be what the account has, each change told once, and nobody buried who is there. How to replay one is told when it fails.

mod account;
mod history;
mod oracle;
mod steps;
mod world;

use std::{env, panic::AssertUnwindSafe, time::Instant};

use chrono::TimeDelta;
use futures::FutureExt as _;
use gangway_app::syncs::{self, Verb};
use gangway_domain::sync::RunMode;
use gangway_testkit::TestDb;

use self::{steps::Step, world::World};
use super::support::Bench;

/// Seeds that once found something.
const REMEMBERED: &[u64] = &[];
/// Full runs of the quiet time at most.
const QUIET_DAYS: usize = 14;
/// Attempts to make a failing list of steps shorter.
const SHORTENINGS: usize = 60;

mod what_is_held_is_what_the_account_has_whatever_happened {
    use super::*;

    // One thread: a seed is one thing after another, and many seeds spend their time on waking threads.
    #[tokio::test]
    async fn on_sqlite() {
        play_all(TestDb::sqlite().await).await;
    }

    #[tokio::test]
    async fn on_postgres() {
        if let Some(db) = TestDb::postgres().await {
            play_all(db).await;
        }
    }
}

async fn play_all(db: TestDb) {
    let seeds = seeds(db.is_postgres());
    let bench = Bench::on(db).await;
    let (started, n) = (Instant::now(), seeds.len());
    for (place, seed) in seeds.into_iter().enumerate() {
        let steps = steps::of(seed);
        if let Err(reason) = play(&bench, seed, &steps).await {
            let (steps, reason) = shortened(&bench, seed, steps, reason).await;
            panic!("{}", told(seed, &steps, &reason));
        }
        if place % 1_000 == 999 {
            tracing::info!("{} of {n} seeds in {:.0} s", place + 1, started.elapsed().as_secs_f64());
        }
    }
}

/// Which seeds are played: `GANGWAY_MODEL_SEED=7` one of them, `GANGWAY_MODEL_SEEDS=100000` or `5000..6000` others than by default.
#[expect(
    clippy::disallowed_methods,
    reason = "who replays a seed names it in the environment, as the test runner passes no arguments"
)]
fn seeds(is_postgres: bool) -> Vec<u64> {
    let number = |text: &str| text.trim().parse::<u64>().unwrap_or_else(|_| panic!("{text} is no number"));
    if let Ok(one) = env::var("GANGWAY_MODEL_SEED") {
        return vec![number(&one)];
    }
    match env::var("GANGWAY_MODEL_SEEDS") {
        Ok(range) => match range.split_once("..") {
            Some((from, to)) => (number(from)..number(to)).collect(),
            None => (0..number(&range)).collect(),
        },
        Err(_) => REMEMBERED.iter().copied().chain(0..if is_postgres { 100 } else { 400 }).collect(),
    }
}

/// Plays a list of steps to its end; answers what does not hold.
async fn play(bench: &Bench, seed: u64, steps: &[Step]) -> Result<(), String> {
    let mut world = World::begin(bench, seed).await;
    let played = AssertUnwindSafe(async {
        for step in steps {
            world.take(*step).await;
        }
        become_quiet(&world).await;
        world.conclude().await;
    });
    let outcome = played.catch_unwind().await.map_err(|reason| {
        let text = reason.downcast_ref::<String>().cloned();
        text.or_else(|| reason.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
    });
    world.end().await;
    outcome
}

/// The account stays as it is, and days pass until nothing is left to be found.
async fn become_quiet(world: &World<'_>) {
    world.drain().await;
    world.calm().await;
    let mut n_unchanged = 0;
    for _ in 0..QUIET_DAYS {
        world.pass(TimeDelta::hours(25)).await;
        world.drain().await;
        // The schedule may have looked for changes only: a sweep that concluded nothing is put off.
        if world.last_run().await.mode != RunMode::Full {
            syncs::start_run(&world.ctx, world.sync, RunMode::Full).await.unwrap();
            world.drain().await;
        }
        let was_held = world.settle(Verb::Release).await;
        world.drain().await;
        let counts = world.last_run().await.counts;
        let is_unchanged = !was_held && (counts.created, counts.updated, counts.deleted) == (0, 0, 0);
        n_unchanged = if is_unchanged { n_unchanged + 1 } else { 0 };
        if n_unchanged == 2 {
            return;
        }
    }
}

/// Leaves out whatever the failure does not need; what fails in the end may fail otherwise.
async fn shortened(bench: &Bench, seed: u64, mut steps: Vec<Step>, mut reason: String) -> (Vec<Step>, String) {
    let mut place = steps.len();
    for _ in 0..SHORTENINGS {
        let Some(before) = place.checked_sub(1) else { break };
        place = before;
        let mut shorter = steps.clone();
        shorter.remove(place);
        if let Err(other) = play(bench, seed, &shorter).await {
            (steps, reason) = (shorter, other);
        }
    }
    (steps, reason)
}

fn told(seed: u64, steps: &[Step], reason: &str) -> String {
    let steps: Vec<String> = steps.iter().map(|step| format!("    {step:?}")).collect();
    format!(
        "seed {seed}: {reason}\nthe steps that it needs:\n{}\nreplay it: GANGWAY_MODEL_SEED={seed} make test ARGS=\"-E 'test(sync::model)'\"",
        steps.join("\n")
    )
}
