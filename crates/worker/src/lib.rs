//! Running jobs: adapts `app::queue` to an apalis `Backend`, holds the runner of each job, and ticks the schedules.
//!
//! [`run`] is what `gangway serve` and `gangway worker` call. A runner ([`Run`]) is one file under [`jobs`] and does nothing but
//! call one use case and translate its answer; how jobs wait, retry and end is `docs/jobs.md`, how to add one is
//! `docs/adding-a-job.md`. Nothing here speaks SQL: the queue's statements are `storage::queue`'s.

mod backend;
mod config;
mod error;
pub mod jobs;
mod registry;
mod run;
mod runtime;
mod schedule;

pub use config::WorkerConfig;
pub use error::{Error, JobError};
pub use registry::Registry;
pub use run::{Finish, JobRun, Run};
pub use runtime::{run, run_no_jobs, run_queues};
