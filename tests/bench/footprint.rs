//! What the binary is and needs at rest, and how soon after its start it works.

use std::time::Duration;

use gangway_app::{OperatorCtx, syncs};
use gangway_domain::{
    principal::{Principal, Scope},
    record::Stream,
    sync::RunMode,
};
use gangway_sandbox::{Config, Sandbox};
use sqlx::{Connection as _, PgConnection};

use crate::{
    engine::app_on,
    platform::{Platform, binary},
    report::{Report, number, quantile},
    sync::without_budget,
};

const STARTS: usize = 7;

pub(crate) async fn measure(report: &mut Report) -> anyhow::Result<()> {
    #[expect(clippy::cast_precision_loss, reason = "bytes as megabytes")]
    let size = std::fs::metadata(binary()?)?.len() as f64 / 1e6;
    report.value("binary, stripped", format!("{} MB", number(size)), "≤ 30 MB", Some(size <= 30.0));

    let sandbox = Sandbox::bind(Config::new(50, 1).without_rate_limit())?;
    let mut platform = Platform::start(&without_budget(&sandbox)).await?;
    // At rest: what a start does is over.
    tokio::time::sleep(Duration::from_secs(10)).await;
    let idle = platform.memory()? * 1.048_576;
    report.value("idle memory of `serve`", format!("{} MB", number(idle)), "≤ 40 MB", Some(idle <= 40.0));

    let (mut ready, mut first) = (Vec::new(), Vec::new());
    for turn in 0..STARTS {
        let tenant = platform.tenant(&format!("Start {turn}"), &sandbox).await?;
        platform.sync(&tenant, "employees").await;
        let db = platform.stop().await?;
        enqueue(db.url(), &tenant.id).await?;
        let mut owner = PgConnection::connect(db.owner_url()).await?;
        let count = "SELECT count(*) FROM record WHERE stream = 'employees'";
        let before: i64 = sqlx::query_scalar(count).fetch_one(&mut owner).await?;
        let watch = async {
            let mut took = None;
            while took.is_none() {
                let now: i64 = sqlx::query_scalar(count).fetch_one(&mut owner).await?;
                if now > before {
                    took = Some(std::time::Instant::now());
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            anyhow::Ok(took.expect("the loop ends with it"))
        };
        let settings = without_budget(&sandbox);
        let (started, seen) = tokio::join!(Platform::start_on(db, &settings), watch);
        platform = started?;
        ready.push(platform.ready_after.as_secs_f64());
        first.push(seen?.duration_since(platform.started()).as_secs_f64());
        owner.close().await?;
    }
    report.value("exec → ready", format!("{} s (median of {STARTS})", number(quantile(&mut ready, 0.5))), "–", None);
    let took = quantile(&mut first, 0.5);
    report.value(
        "exec → first record committed, on a migrated database",
        format!("{} s (median of {STARTS})", number(took)),
        "≤ 0.5 s",
        Some(took <= 0.5),
    );
    drop(platform.stop().await?);
    sandbox.stop().await;
    Ok(())
}

/// Starts the tenant's run while no process serves, so that the next one finds it.
async fn enqueue(url: &str, tenant: &str) -> anyhow::Result<()> {
    let app = app_on(url).await?;
    let operator = OperatorCtx::new(app.clone(), Principal::Cli, Scope::ALL.to_vec());
    let ctx = operator.for_tenant(tenant.parse().map_err(|_| anyhow::anyhow!("a tenant's id"))?).await?;
    let page = gangway_app::PageRequest { limit: 10, after: None };
    let found = syncs::list(&ctx, None, page).await?.items;
    let sync = found.iter().find(|sync| sync.stream == Stream::Employees).expect("the sync was made");
    syncs::start_run(&ctx, sync.id, RunMode::Full).await?;
    Ok(())
}
