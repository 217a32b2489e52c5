//! What a tenant and an operator can do with jobs.

use gangway_app::{
    jobs::{PruneJobs, enqueue_platform_once},
    queue,
};
use gangway_domain::{Code, id::JobId, job::JobState};
use gangway_storage::{PageRequest, queue::Verdict};
use gangway_testkit::eventually;
use gangway_worker::Registry;

use super::{
    on_both_databases,
    support::{Bench, Worker, config},
};

on_both_databases! {
    a_failed_job_is_repeated_as_a_new_one
    only_a_failed_job_can_be_repeated
    a_repetition_of_work_that_waits_answers_the_waiting_job
    jobs_are_listed_by_state_page_by_page
    depths_count_what_is_there
    a_platform_job_is_enqueued_once_by_several_processes_and_runs
    a_process_hears_of_another_processes_jobs
}

async fn fail_one(bench: &Bench) -> JobId {
    let claimed = bench.claim(1).await.remove(0);
    bench.ack(claimed.fence, Verdict::Fail { error: "no".to_owned() }).await;
    claimed.fence.job
}

async fn a_failed_job_is_repeated_as_a_new_one(bench: Bench) {
    bench.enqueue(&bench.tenant_a, [bench.job()]).await;
    let failed = fail_one(&bench).await;
    let repeated = queue::retry_job(&bench.ctx(), failed).await.unwrap();
    assert_eq!((repeated.state, repeated.retry_of, repeated.attempts), (JobState::Pending, Some(failed), 0));
    assert_eq!(bench.find(failed).await.state, JobState::Failed);
    assert_eq!(bench.claim(1).await[0].fence.job, repeated.id);
}

async fn only_a_failed_job_can_be_repeated(bench: Bench) {
    let job = bench.job();
    bench.enqueue(&bench.tenant_a, [job.clone()]).await;
    let error = queue::retry_job(&bench.ctx(), job.id).await.unwrap_err();
    assert_eq!(error.code, Code::JobNotFailed);
    bench.enqueue(&bench.tenant_b, [bench.job()]).await;
    let foreign = bench.jobs(&bench.tenant_b).await[0].id;
    assert_eq!(queue::retry_job(&bench.ctx(), foreign).await.unwrap_err().code, Code::NotFound);
}

async fn a_repetition_of_work_that_waits_answers_the_waiting_job(bench: Bench) {
    bench.enqueue(&bench.tenant_a, [bench.keyed_job("k")]).await;
    let failed = fail_one(&bench).await;
    let waiting = bench.keyed_job("k");
    bench.enqueue(&bench.tenant_a, [waiting.clone()]).await;
    assert_eq!(queue::retry_job(&bench.ctx(), failed).await.unwrap().id, waiting.id);
}

async fn jobs_are_listed_by_state_page_by_page(bench: Bench) {
    bench.enqueue(&bench.tenant_a, (0..5).map(|_| bench.job())).await;
    let failed = fail_one(&bench).await;
    let page = |after| PageRequest { limit: 3, after };
    let first = queue::list_jobs(&bench.ctx(), Some(JobState::Pending), page(None)).await.unwrap();
    assert_eq!((first.items.len(), first.has_more), (3, true));
    let after = first.items.last().map(|job| job.id);
    let second = queue::list_jobs(&bench.ctx(), Some(JobState::Pending), page(after)).await.unwrap();
    assert_eq!((second.items.len(), second.has_more), (1, false));
    let found = queue::list_jobs(&bench.ctx(), Some(JobState::Failed), page(None)).await.unwrap();
    assert_eq!(found.items.into_iter().map(|job| job.id).collect::<Vec<_>>(), [failed]);
}

async fn depths_count_what_is_there(bench: Bench) {
    bench.enqueue(&bench.tenant_a, (0..3).map(|_| bench.job())).await;
    bench.enqueue(&bench.tenant_b, (0..2).map(|_| bench.job())).await;
    bench.claim(1).await;
    let depths = queue::depths(&bench.app).await.unwrap();
    let count = |state| depths.iter().filter(|depth| depth.state == state).map(|depth| depth.n_jobs).sum::<i64>();
    assert_eq!((count(JobState::Pending), count(JobState::Running)), (4, 1));
}

async fn a_platform_job_is_enqueued_once_by_several_processes_and_runs(bench: Bench) {
    let id = JobId::new(bench.now(), *b"prune-jobs");
    for app in [bench.app.clone(), bench.other_process().await] {
        enqueue_platform_once(&app, id, &PruneJobs::default()).await.unwrap();
    }
    let waiting = async || queue::depths(&bench.app).await.unwrap().iter().map(|depth| depth.n_jobs).sum::<i64>();
    assert_eq!(waiting().await, 1);
    let worker = Worker::start_with(&bench.app, Registry::standard(), config());
    eventually("the platform's job to be done", async || waiting().await == 0).await;
    worker.finish().await;
    enqueue_platform_once(&bench.app, id, &PruneJobs::default()).await.unwrap();
    assert_eq!(waiting().await, 0);
}

async fn a_process_hears_of_another_processes_jobs(bench: Bench) {
    // On SQLite there is no other process to hear of.
    let Some(mut listener) = bench.app.db.listen_queue().await.unwrap() else { return };
    let mut wakes = queue::wakes();
    wakes.borrow_and_update();
    bench.other_process().await.db.notify_queue().await.unwrap();
    listener.wake_on_notice().await.unwrap();
    assert!(wakes.has_changed().unwrap());
}
