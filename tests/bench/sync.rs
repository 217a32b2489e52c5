//! A sync of 20,000 people beside its limits, and what it needs of memory.
//!
//! The first sync is bounded by reading the pages, parsing them, and copying the rows that it makes into tables of the same shape,
//! a page a commit; an unchanged one by reading and parsing alone. Budgets are set so high that they hold nothing back.

use std::time::Instant;

use anyhow::{Context as _, ensure};
use gangway_sandbox::{Config, Sandbox};
use secrecy::ExposeSecret as _;
use serde_json::Value;
use sqlx::{Connection as _, Executor as _, PgConnection, Row as _};

use crate::{
    platform::{Platform, Tenant},
    report::{Pairs, Report, number},
    wire::Wire,
};

/// The most that the vendor gives.
const PAGE: usize = 100;
/// Tables that a first sync writes a row a person into.
const TABLES: [&str; 5] = ["record", "record_payload", "record_alias", "person", "person_link"];
const UNCHANGED: usize = 5;

/// Settings under which no budget holds anything back.
pub(crate) fn without_budget(sandbox: &Sandbox) -> Vec<(&'static str, String)> {
    vec![
        ("GANGWAY__CONNECTOR__ALLOWED_ORIGINS", sandbox.base_url()),
        ("GANGWAY__LIMITS__PERSONIO__CREDENTIAL__REQUESTS", "100000".to_owned()),
        ("GANGWAY__LIMITS__PERSONIO__CREDENTIAL__WINDOW_SECONDS", "100".to_owned()),
        ("GANGWAY__LIMITS__PERSONIO__ADDRESS__REQUESTS", "100000".to_owned()),
        ("GANGWAY__LIMITS__PERSONIO__ADDRESS__WINDOW_SECONDS", "100".to_owned()),
        ("GANGWAY__LIMITS__PERSONIO__PATHS", String::new()),
    ]
}

/// Measures one account.
pub(crate) async fn measure(report: &mut Report, people: usize) -> anyhow::Result<()> {
    let sandbox = Sandbox::bind(Config::new(people, 1).without_rate_limit())?;
    let platform = Platform::start(&without_budget(&sandbox)).await?;
    let tenant = platform.tenant("Bench", &sandbox).await?;
    let sync = platform.sync(&tenant, "employees").await;
    let idle = platform.memory()?;
    platform.take_peak()?;

    let (took, run) = platform.run(&tenant, &sync, "full").await?;
    let first_peak = platform.take_peak()? - idle;
    ensure!(run["counts"]["created"] == people, "{run}");
    let token = log_in(&sandbox).await?;
    let mut owner = PgConnection::connect(platform.db.owner_url()).await?;
    let all = rate(people, took);
    println!(
        "first sync of {people}: {} records/s, {} MiB above {} MiB",
        number(all),
        number(first_peak),
        number(idle)
    );
    if people <= 20_000 {
        // One account is read for the first time only once.
        let mut first = Pairs::default();
        first.push(all, rate(people, copied(&sandbox, &token, people, &mut owner).await?));
        report.rate(&format!("first sync, {people} people"), "records/s", "fetch, parse, COPY", &first, Some(0.5));
        unchanged(report, &platform, (&sandbox, &tenant, &sync, &token), people, &mut owner).await?;
    } else {
        platform.run(&tenant, &sync, "full").await?;
    }
    let again_peak = platform.take_peak()? - idle;
    let peak = first_peak.max(again_peak);
    report.value(
        &format!("memory of a sync of {people} people above idle, first and unchanged"),
        format!("{} MiB, {} MiB", number(first_peak), number(again_peak)),
        "≤ 64 MB",
        Some(peak * 1.048_576 <= 64.0),
    );
    owner.close().await?;
    drop(platform.stop().await?);
    sandbox.stop().await;
    Ok(())
}

async fn unchanged(
    report: &mut Report,
    platform: &Platform,
    (sandbox, tenant, sync, token): (&Sandbox, &Tenant, &str, &str),
    people: usize,
    owner: &mut PgConnection,
) -> anyhow::Result<()> {
    let written = "SELECT (SELECT md5(string_agg(xmin::text, ',' ORDER BY id)) FROM record),
                          (SELECT count(*) FROM event WHERE kind LIKE 'employee.%')";
    let before = owner.fetch_one(written).await?;
    let mut pairs = Pairs::default();
    for _ in 0..UNCHANGED {
        let (took, run) = platform.run(tenant, sync, "full").await?;
        ensure!(run["counts"]["unchanged"] == people, "{run}");
        pairs.push(rate(people, took), rate(people, read(sandbox, token, people, async |_| Ok(())).await?));
    }
    let after = owner.fetch_one(written).await?;
    let is_same =
        before.get::<String, _>(0) == after.get::<String, _>(0) && before.get::<i64, _>(1) == after.get::<i64, _>(1);
    report.rate(&format!("unchanged full sync, {people} people"), "records/s", "fetch, parse", &pairs, Some(0.5));
    let rows = if is_same { "0".to_owned() } else { "some".to_owned() };
    report.value(
        &format!("rows of record and employee events written by {UNCHANGED} unchanged syncs"),
        rows,
        "0",
        Some(is_same),
    );
    Ok(())
}

/// Reads all pages and parses them, and does something with each; answers the seconds.
async fn read(
    sandbox: &Sandbox,
    token: &str,
    people: usize,
    mut then: impl AsyncFnMut(usize) -> anyhow::Result<()>,
) -> anyhow::Result<f64> {
    let mut wire = Wire::open(sandbox.addr()).await?;
    let begun = Instant::now();
    for offset in (0..people).step_by(PAGE) {
        let path = format!("/v1/company/employees?limit={PAGE}&offset={offset}");
        let page: Value = serde_json::from_slice(wire.get(&path, token).await?)?;
        let n = page["data"].as_array().map_or(0, Vec::len);
        ensure!(n == PAGE.min(people - offset), "{n} people at {offset}");
        then(offset / PAGE).await?;
    }
    Ok(begun.elapsed().as_secs_f64())
}

/// The same with the rows that the sync made copied page by page.
async fn copied(sandbox: &Sandbox, token: &str, people: usize, owner: &mut PgConnection) -> anyhow::Result<f64> {
    let mut lines: Vec<(&str, Vec<Vec<u8>>)> = Vec::new();
    for table in TABLES {
        let filter = if table.starts_with("person") { "" } else { " WHERE tenant_id IS NOT NULL" };
        let mut rows = Vec::new();
        let mut out = owner.copy_out_raw(&format!("COPY (SELECT * FROM {table}{filter}) TO STDOUT")).await?;
        while let Some(chunk) = futures::TryStreamExt::try_next(&mut out).await? {
            rows.extend_from_slice(&chunk);
        }
        drop(out);
        let rows: Vec<&[u8]> = rows.split_inclusive(|byte| *byte == b'\n').collect();
        ensure!(rows.len() == people, "{table} has {} rows", rows.len());
        lines.push((table, rows.chunks(PAGE).map(<[&[u8]]>::concat).collect()));
        owner
            .execute(sqlx::AssertSqlSafe(format!(
                "DROP TABLE IF EXISTS bench_{table}; CREATE TABLE bench_{table} (LIKE {table} INCLUDING ALL)"
            )))
            .await?;
    }
    read(sandbox, token, people, async |page| {
        let mut tx = owner.begin().await?;
        for (table, pages) in &lines {
            let rows = pages.get(page).context("as many pages as were read")?;
            let mut sink = tx.copy_in_raw(&format!("COPY bench_{table} FROM STDIN")).await?;
            sink.send(rows.as_slice()).await?;
            sink.finish().await?;
        }
        Ok(tx.commit().await?)
    })
    .await
}

pub(crate) async fn log_in(sandbox: &Sandbox) -> anyhow::Result<String> {
    #[expect(clippy::disallowed_methods, reason = "the bare loop that a sync is compared with")]
    let client = reqwest::Client::new();
    let login = serde_json::json!({
        "client_id": sandbox.client_id(), "client_secret": sandbox.client_secret().expose_secret(),
    });
    let answer: Value =
        client.post(format!("{}/v1/auth", sandbox.base_url())).json(&login).send().await?.json().await?;
    Ok(answer["data"]["token"].as_str().context("a token")?.to_owned())
}

#[expect(clippy::cast_precision_loss, reason = "a count of people")]
fn rate(n: usize, seconds: f64) -> f64 {
    n as f64 / seconds
}
