//! Putting the workers together: one apalis worker per queue, watched by a monitor, and the clockwork beside them.

use apalis::prelude::{BoxDynError, Monitor, WorkerBuilder, WorkerBuilderExt as _};
use apalis_core::worker::ext::parallelize::ParallelizeExt as _;
use gangway_app::{App, queue};
use gangway_domain::id::JobId;
use tokio::task::JoinHandle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Error, Finish, Registry, WorkerConfig,
    backend::{Leased, QueueBackend, cut_off},
    schedule,
};

/// Runs every job of the platform and the schedules, until `stop` and then until the running jobs have ended.
pub async fn run(app: App, config: WorkerConfig, stop: CancellationToken) -> Result<(), Error> {
    let clockwork = TaskTracker::new();
    clockwork.spawn(schedule::tick(app.clone(), config.clone(), stop.clone()));
    clockwork.spawn(queue::relay(app.clone(), stop.clone()));
    clockwork.close();
    let result = run_queues(app.clone(), Registry::standard(), config, stop.clone()).await;
    // Also when the workers ended by themselves.
    stop.cancel();
    clockwork.wait().await;
    schedule::store_counts(&app).await;
    result
}

/// Runs what a process without workers owes the others, until `stop`: they are told of its jobs, and its use of data keys is stored.
pub async fn run_no_jobs(app: App, stop: CancellationToken) {
    let counts = schedule::store_counts_each_minute(&app, stop.clone());
    tokio::join!(queue::relay(app.clone(), stop.clone()), counts);
    schedule::store_counts(&app).await;
}

/// Runs the jobs of a registry, without schedules: for tests and tools that bring jobs of their own.
pub async fn run_queues(
    app: App,
    registry: Registry,
    config: WorkerConfig,
    stop: CancellationToken,
) -> Result<(), Error> {
    let process = app.new_id::<JobId>().uuid().simple().to_string();
    let tasks = TaskTracker::new();
    // Ends tasks that outlive the workers: jobs that were still running when the shutdown's time was over.
    let end = CancellationToken::new();
    let mut monitor = Monitor::new();
    for queue in registry.queues() {
        let (app, registry, config) = (app.clone(), registry.clone(), config.clone());
        let (tasks, stop, end, process) = (tasks.clone(), stop.clone(), end.clone(), process.clone());
        monitor = monitor.register(move |restart| {
            // A new owner for each start: the leases of the one before are left to expire.
            let name = format!("{queue}-{process}-{restart}");
            let backend = QueueBackend::new(app.clone(), queue, &name, config.clone(), tasks.clone(), stop.clone());
            let (app, registry, stop) = (app.clone(), registry.clone(), stop.clone());
            let (tasks, end) = (tasks.clone(), end.clone());
            WorkerBuilder::new(name)
                .backend(backend)
                // Outermost: a timeout outside of it would leave the job running.
                .parallelize(move |job| spawn(&tasks, end.clone(), job))
                .timeout(config.job_timeout)
                .catch_panic()
                .build(move |leased: Leased| leased.run(app.clone(), registry.clone(), stop.clone()))
        });
    }
    let timeout = config.shutdown_timeout;
    let signal = stop.clone();
    let result = monitor
        // The workers never end with an error of ours; after a panic of the loop itself a new one starts.
        .should_restart(|_, _| true)
        // Lazy: the time begins when the signal came.
        .with_terminator(async move { tokio::time::sleep(timeout).await })
        .run_with_signal(async move {
            signal.cancelled().await;
            Ok(())
        })
        .await;
    end.cancel();
    tasks.close();
    tasks.wait().await;
    result.map_err(Error::Monitor)
}

/// Runs a job as a task of its own, tracked, until `end` at the latest.
fn spawn<F>(tasks: &TaskTracker, end: CancellationToken, job: F) -> JoinHandle<Result<Finish, BoxDynError>>
where
    F: Future<Output = Result<Finish, BoxDynError>> + Send + 'static,
{
    tasks.spawn(async move { end.run_until_cancelled_owned(job).await.unwrap_or_else(cut_off) })
}
