//! What tests stand on: databases of both kinds, the whole platform in one process, and a search for what must not leak.
//!
//! Nothing that ships may use this crate. Everything listens on loopback, takes free ports and cleans up after itself; no
//! test needs the internet. [`TestDb`] is a migrated database of its own, [`TestApp`] the platform on it with a sandbox vendor,
//! [`Needle`] a value to look for in every encoding, [`LogCapture`] every log and span of the process, [`Disk`] every file that
//! a database has written.

pub mod behaviour;
pub mod budget_day;

mod app;
mod database;
mod http;
mod logs;
mod needle;
mod needles;
mod servers;
mod simulated_redis;
mod wait;

pub use app::{Onboarded, TestApp, TestAppBuilder, plenty};
pub use database::{Disk, SERVER_LOG, Sample, TestDb};
pub use http::{Answer, Client};
pub use logs::LogCapture;
pub use needle::Needle;
pub use needles::Needles;
pub use servers::{postgres_folder, postgres_url, redis_url};
pub use simulated_redis::{Contents, SimulatedRedis};
pub use wait::{eventually, eventually_some, eventually_some_within};

/// Writes one test for `SQLite` and one for `PostgreSQL` from a function that takes a [`TestDb`].
///
/// Without a server the test for `PostgreSQL` says so and ends, or fails where nothing may be left out: see [`postgres_url`].
///
/// ```text
/// on_both_databases! {
///     async fn a_tenant_keeps_its_name(db: TestDb) { … }
/// }
/// ```
#[macro_export]
macro_rules! on_both_databases {
    ($($(#[$attribute:meta])* async fn $name:ident($db:ident: TestDb) $body:block)+) => {$(
        $(#[$attribute])*
        mod $name {
            #[expect(clippy::allow_attributes, reason = "not every test uses what is around it")]
            #[allow(unused_imports, reason = "not every test uses what is around it")]
            use super::*;

            async fn body($db: $crate::TestDb) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                Box::pin(body($crate::TestDb::sqlite().await)).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                if let Some(db) = $crate::TestDb::postgres().await {
                    Box::pin(body(db)).await;
                }
            }
        }
    )+};
}
