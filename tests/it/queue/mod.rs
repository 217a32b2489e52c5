//! The job queue on both databases: its rules in storage, and the cases in which apalis' stock storages fail (docs/jobs.md).
#![cfg(test)]

mod claims;
mod dedupe;
mod fairness;
mod leases;
mod operations;
mod outage;
mod processes;
pub(crate) mod server;
mod shutdown;
mod support;
mod tenants;
mod work;
mod worker;

/// Makes a test of `async fn name(bench: Bench)` on SQLite, and on PostgreSQL where the test run provides one.
macro_rules! on_both_databases {
    ($($name:ident)*) => {$(
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                super::$name(super::super::support::Bench::sqlite().await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                if let Some(bench) = super::super::support::Bench::postgres().await {
                    super::$name(bench).await;
                }
            }
        }
    )*};
}
use on_both_databases;
