//! Reading one employee over the API beside a bare handler that does the same two queries in one transaction: whose key it is, and
//! the tenant's record.

use std::{
    net::{SocketAddr, TcpListener},
    time::{Duration, Instant},
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use anyhow::Context as _;
use gangway_sandbox::{Config, Sandbox};
use gangway_vault::api_key;
use sqlx::{PgPool, Row as _, postgres::PgPoolOptions};
use tokio::task::JoinSet;

use crate::{
    platform::{Platform, text},
    report::{Pairs, Report, quantile},
    sync::without_budget,
    wire::Wire,
};

const CONNECTIONS: usize = 8;
const SPAN: Duration = Duration::from_secs(5);
const PAIRS: usize = 5;
/// The pool of `serve` unless told otherwise.
const POOL: u32 = 16;

/// The bare handler's process: answers on a port until it is killed.
pub(crate) async fn serve_bare(url: &str, port: u16) -> anyhow::Result<()> {
    let pool = PgPoolOptions::new().max_connections(POOL).connect(url).await?;
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    let server = HttpServer::new(move || {
        App::new().app_data(web::Data::new(pool.clone())).route("/v1/employees/{id}", web::get().to(bare))
    });
    Ok(server.listen(listener)?.run().await?)
}

async fn bare(request: HttpRequest, id: web::Path<String>, pool: web::Data<PgPool>) -> actix_web::Result<HttpResponse> {
    let key = request.headers().get("authorization").map(|value| value.as_bytes().to_vec()).unwrap_or_default();
    let id = id.trim_start_matches("emp_").parse::<uuid::Uuid>().map_err(actix_web::error::ErrorNotFound)?;
    let mut tx = pool.begin().await.map_err(actix_web::error::ErrorInternalServerError)?;
    let key = String::from_utf8_lossy(&key).trim_start_matches("Bearer ").to_owned();
    let hash = api_key::hash(&api_key::parse(&key).map_err(actix_web::error::ErrorUnauthorized)?).to_vec();
    let key = sqlx::query("SELECT id, tenant_id, scopes, expires_at, revoked_at FROM api_key WHERE hash = $1")
        .bind(hash)
        .fetch_one(&mut *tx)
        .await
        .map_err(actix_web::error::ErrorInternalServerError)?;
    let of_tenant =
        "SELECT external_id, fields, attributes, state, version FROM record WHERE tenant_id = $1 AND id = $2";
    let row = sqlx::query(of_tenant)
        .bind(key.get::<uuid::Uuid, _>("tenant_id"))
        .bind(id)
        .fetch_one(&mut *tx)
        .await
        .map_err(actix_web::error::ErrorInternalServerError)?;
    tx.commit().await.map_err(actix_web::error::ErrorInternalServerError)?;
    let json = |name: &str| serde_json::from_str::<serde_json::Value>(row.get::<&str, _>(name)).unwrap_or_default();
    Ok(HttpResponse::Ok().json(serde_json::json!({
        "external_id": row.get::<&str, _>("external_id"), "fields": json("fields"), "attributes": json("attributes"),
        "state": row.get::<&str, _>("state"), "version": row.get::<i64, _>("version"),
    })))
}

pub(crate) async fn measure(report: &mut Report) -> anyhow::Result<()> {
    let sandbox = Sandbox::bind(Config::new(1_000, 1).without_rate_limit())?;
    let platform = Platform::start(&without_budget(&sandbox)).await?;
    let tenant = platform.tenant("Bench", &sandbox).await?;
    let sync = platform.sync(&tenant, "employees").await;
    platform.run(&tenant, &sync, "full").await?;
    let people: Vec<String> =
        platform.client.list(&tenant.key, "/v1/employees").await.iter().map(|one| text(one, "id")).collect();

    let port = crate::platform::free_port()?;
    let mut command = tokio::process::Command::new(std::env::current_exe()?);
    command.args(["bare-handler", platform.db.owner_url(), &port.to_string()]).kill_on_drop(true);
    let mut handler = command.spawn()?;
    let bare: SocketAddr = ([127, 0, 0, 1], port).into();
    while std::net::TcpStream::connect(bare).is_err() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let ours: SocketAddr = platform.client.base().trim_start_matches("http://").parse()?;
    let (mut rates, mut middles, mut tails) = (Pairs::default(), Pairs::default(), Pairs::default());
    // Warm.
    load(ours, &tenant.key, &people, SPAN / 5).await?;
    load(bare, &tenant.key, &people, SPAN / 5).await?;
    for turn in 0..PAIRS {
        let both = if turn % 2 == 0 { [ours, bare] } else { [bare, ours] };
        let first = load(both[0], &tenant.key, &people, SPAN).await?;
        let second = load(both[1], &tenant.key, &people, SPAN).await?;
        let (ours, bare) = if turn % 2 == 0 { (first, second) } else { (second, first) };
        rates.push(ours.rate, bare.rate);
        middles.push(ours.p50, bare.p50);
        tails.push(ours.p99, bare.p99);
    }
    let what = format!("API read of one employee, {CONNECTIONS} connections");
    report.rate(&format!("{what}: rate"), "requests/s", "bare handler", &rates, Some(0.7));
    report.duration(&format!("{what}: p50"), "ms", "bare handler", &middles, None);
    report.duration(&format!("{what}: p99"), "ms", "bare handler", &tails, None);
    handler.kill().await?;
    drop(platform.stop().await?);
    sandbox.stop().await;
    Ok(())
}

struct Load {
    rate: f64,
    p50: f64,
    p99: f64,
}

async fn load(address: SocketAddr, key: &str, people: &[String], span: Duration) -> anyhow::Result<Load> {
    let mut clients = JoinSet::new();
    for client in 0..CONNECTIONS {
        let (key, people) = (key.to_owned(), people.to_vec());
        clients.spawn(async move {
            let mut wire = Wire::open(address).await?;
            let (begun, mut took) = (Instant::now(), Vec::new());
            for id in people.iter().cycle().skip(client * 37) {
                if begun.elapsed() >= span {
                    break;
                }
                let asked = Instant::now();
                wire.get(&format!("/v1/employees/{id}"), &key).await?;
                took.push(asked.elapsed().as_secs_f64() * 1e3);
            }
            std::io::Result::Ok(took)
        });
    }
    let mut all = Vec::new();
    while let Some(took) = clients.join_next().await {
        all.extend(took?.context("a client was refused")?);
    }
    #[expect(clippy::cast_precision_loss, reason = "a count of requests")]
    let rate = all.len() as f64 / span.as_secs_f64();
    Ok(Load { rate, p50: quantile(&mut all, 0.5), p99: quantile(&mut all, 0.99) })
}
