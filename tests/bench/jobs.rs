//! Jobs that do nothing, each durable and completed by itself, beside graphile-worker on the same server; and what a small tenant
//! waits beside one with a million jobs.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use gangway_testkit::TestDb;
use sqlx::{Connection as _, Executor as _, PgConnection};
use tokio::process::Command;

use crate::{
    engine::{CONCURRENCY, Working, app_on, enqueue, n_begun, take_waits, tenant},
    report::{Pairs, Report, number, quantile},
};

const JOBS: usize = 20_000;
const PAIRS: usize = 3;
const NEIGHBOUR: usize = 1_000_000;
/// Jobs of the small tenant, one after the other.
const SMALL: usize = 1_000;
const ROUNDS: usize = 7;

/// No-op jobs a second beside the peer.
pub(crate) async fn throughput(report: &mut Report) -> anyhow::Result<()> {
    let peer =
        std::env::var_os("GANGWAY_BENCH_PEER").context("GANGWAY_BENCH_PEER names the folder of graphile-worker")?;
    let mut pairs = Pairs::default();
    for turn in 0..PAIRS {
        let ours = async || -> anyhow::Result<f64> {
            let db = TestDb::postgres().await.context("a server")?;
            let app = app_on(db.url()).await?;
            let scope = tenant(&app, "Bench").await?;
            for _ in 0..JOBS / 1_000 {
                enqueue(&app, &scope, 1_000, false).await?;
            }
            let (before, begun) = (n_begun(), Instant::now());
            let working = Working::begin(&app);
            while n_begun() < before + JOBS {
                ensure!(begun.elapsed() < Duration::from_mins(5), "the jobs do not end");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            // The last results are written before it ends.
            working.stop().await?;
            let took = begun.elapsed().as_secs_f64();
            let mut owner = PgConnection::connect(db.owner_url()).await?;
            let n_done: i64 =
                sqlx::query_scalar("SELECT count(*) FROM job WHERE state = 'done'").fetch_one(&mut owner).await?;
            ensure!(usize::try_from(n_done)? == JOBS, "{n_done} of {JOBS} jobs are done");
            owner.close().await?;
            Ok(took)
        };
        let theirs = async || -> anyhow::Result<f64> {
            let db = TestDb::postgres().await.context("a server")?;
            let script = concat!(env!("CARGO_MANIFEST_DIR"), "/bench/graphile.mjs");
            let mut command = Command::new("node");
            command.arg(script).arg(&peer).arg(db.owner_url()).arg(JOBS.to_string()).arg(CONCURRENCY.to_string());
            let told = command.kill_on_drop(true).output().await.context("node starts")?;
            let text = String::from_utf8_lossy(&told.stdout).into_owned();
            let errors = String::from_utf8_lossy(&told.stderr);
            text.trim().parse().with_context(|| format!("graphile-worker said {text:?} {errors}"))
        };
        // Each goes first in turn.
        let (ours, theirs) = if turn % 2 == 0 {
            let ours = ours().await?;
            (ours, theirs().await?)
        } else {
            let theirs = theirs().await?;
            (ours().await?, theirs)
        };
        #[expect(clippy::cast_precision_loss, reason = "a count of jobs")]
        let rate = |seconds: f64| JOBS as f64 / seconds;
        pairs.push(rate(ours), rate(theirs));
    }
    report.rate("no-op jobs, durable, drained", "jobs/s", "graphile-worker", &pairs, Some(1.0));
    Ok(())
}

/// A small tenant's wait with and without a neighbour.
pub(crate) async fn fairness(report: &mut Report) -> anyhow::Result<()> {
    let db = TestDb::postgres().await.context("a server")?;
    let app = app_on(db.url()).await?;
    let (small, large) = (tenant(&app, "Small").await?, tenant(&app, "Large").await?);
    let wait = async || -> anyhow::Result<f64> {
        take_waits();
        let working = Working::begin(&app);
        for n in 0..SMALL {
            enqueue(&app, &small, 1, true).await?;
            // Not in step with the workers.
            tokio::time::sleep(Duration::from_micros(2_000 + 37 * (n as u64 % 50))).await;
        }
        let begun = Instant::now();
        let mut waits = Vec::new();
        while waits.len() < SMALL {
            ensure!(begun.elapsed() < Duration::from_mins(2), "{} of {SMALL} jobs began", waits.len());
            waits.extend(take_waits());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        working.stop().await?;
        Ok(quantile(&mut waits, 0.99) * 1e3)
    };
    let mut alone = Vec::new();
    for _ in 0..ROUNDS {
        alone.push(wait().await?);
    }
    // One of its jobs as the platform makes it, and the others after it.
    enqueue(&app, &large, 1, false).await?;
    let mut owner = PgConnection::connect(db.owner_url()).await?;
    owner
        .execute(sqlx::AssertSqlSafe(format!(
            "INSERT INTO job (id, tenant_id, queue, kind, payload, class, state, fair_at, run_at, attempts, max_attempts,
               epoch, created_at)
             SELECT gen_random_uuid(), tenant_id, queue, kind, payload, class, state, fair_at + n, run_at, attempts,
               max_attempts, epoch, created_at
             FROM job, generate_series(1, {NEIGHBOUR}) AS n WHERE state = 'pending';
             UPDATE fair_share SET last_finish = last_finish + {NEIGHBOUR}
             WHERE tenant_id = (SELECT tenant_id FROM job WHERE state = 'pending' LIMIT 1);
             ANALYZE job"
        )))
        .await?;
    let mut pairs = Pairs::default();
    for alone in alone {
        pairs.push(wait().await?, alone);
    }
    let n_left: i64 =
        sqlx::query_scalar("SELECT count(*) FROM job WHERE state = 'pending'").fetch_one(&mut owner).await?;
    owner.close().await?;
    println!("{n_left} jobs of the neighbour still waited at the end");
    ensure!(n_left > 0, "the neighbour's jobs ended before the small tenant's");
    report.duration(
        &format!("small tenant's p99 wait beside {} waiting jobs", number(1e6)),
        "ms",
        "without them",
        &pairs,
        Some(1.2),
    );
    Ok(())
}
