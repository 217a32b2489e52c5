//! Several processes on one Redis: together they are one budget.

#![expect(clippy::unwrap_used, reason = "helpers of tests: a panic is a failed test")]

mod support;

use std::sync::{Arc, Mutex};

use futures::future::{join, join_all, join3};
use gangway_domain::SystemClock;
use gangway_limits::{
    Ask, BudgetKey, Budgets, Class, Counting, Limit, PathLimit, Policy, Settings, SharedStore, StoreError,
};
use support::{Deployment, Judge, KEY, MILLISECOND, SECOND, Server, ask, policy, try_now, until};
use tokio::{
    runtime::Runtime,
    time::{Instant, sleep},
};
use tokio_util::task::TaskTracker;

/// Calls until `n_requests` were made by all.
async fn work(budgets: &Budgets, asked: &Ask<'_>, judge: &Judge, n_requests: usize) -> usize {
    let mut n_made = 0;
    while judge.n_requests() < n_requests {
        let permit = budgets.acquire(asked, SECOND * 30).await.unwrap();
        let sent = Instant::now();
        sleep(MILLISECOND * 3).await;
        judge.record(sent, Instant::now());
        permit.finish();
        n_made += 1;
    }
    n_made
}

/// A process that dies without a word when it is dropped.
struct Mortal {
    runtime: Option<Runtime>,
    budgets: Budgets,
}

impl Mortal {
    fn start(deployment: &Deployment) -> Self {
        let runtime = Runtime::new().unwrap();
        let deployment = deployment.clone();
        let (sender, receiver) = std::sync::mpsc::channel();
        spawn_on(&runtime, async move { sender.send(deployment.process().await).unwrap() });
        Self { budgets: receiver.recv().unwrap(), runtime: Some(runtime) }
    }
}

impl Drop for Mortal {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn spawn_on(runtime: &Runtime, work: impl Future<Output = ()> + Send + 'static) {
    drop(TaskTracker::new().spawn_on(work, runtime.handle()));
}

#[tokio::test]
async fn two_processes_never_exceed_the_limit_together() {
    let Some(deployment) = Deployment::shared().await else { return };
    let processes = [deployment.process().await, deployment.process().await];
    let window = MILLISECOND * 250;
    let policy = policy(10, window);
    let (judge, asked) = (Judge::default(), ask(&policy));
    let calls = processes.iter().cycle().take(12).map(|budgets| work(budgets, &asked, &judge, 80));
    let n_made = join_all(calls).await;
    assert!(n_made.iter().all(|n_made| *n_made > 0), "everybody had a turn: {n_made:?}");
    assert!(judge.most(window) <= 10, "{} in a window", judge.most(window));
    assert!(judge.most(window) >= 9, "the limit is used: {}", judge.most(window));
}

#[tokio::test]
async fn a_burst_limit_is_kept_together_as_well() {
    let Some(deployment) = Deployment::shared().await else { return };
    let processes = [deployment.process().await, deployment.process().await];
    let burst = MILLISECOND * 100;
    let paths = vec![PathLimit::new("/v1/people", 3, burst)];
    let policy = Arc::new(Policy { ceiling: 40, window: SECOND, paths, ..Policy::default() });
    let (judge, asked) = (Judge::default(), ask(&policy));
    join_all(processes.iter().cycle().take(8).map(|budgets| work(budgets, &asked, &judge, 60))).await;
    assert!(judge.most(burst) <= 3, "{} in a burst", judge.most(burst));
    assert!(judge.most(SECOND) <= 40, "{} in a window", judge.most(SECOND));
}

#[tokio::test]
async fn the_highest_class_waiting_anywhere_goes_first() {
    let Some(deployment) = Deployment::shared().await else { return };
    let [one, two] = [deployment.process().await, deployment.process().await];
    let policy = policy(1, MILLISECOND * 100);
    let first = try_now(&one, &ask(&policy)).await.unwrap();
    let order = Mutex::new(Vec::new());
    let call = |budgets: &Budgets, class: Class| {
        let (budgets, policy, order) = (budgets.clone(), &policy, &order);
        async move {
            let permit = budgets.acquire(&Ask { class, ..ask(policy) }, SECOND * 60).await.unwrap();
            order.lock().unwrap().push(class);
            permit.finish();
        }
    };
    let low = [Class::Sweep, Class::Incremental].map(|class| call(&one, class));
    let high = [Class::Flow, Class::Interactive].map(|class| call(&two, class));
    let start = async {
        until("all wait", || async { one.look(KEY).await.unwrap().waiting.total() == 4 }).await;
        first.finish();
    };
    join3(join_all(low), join_all(high), start).await;
    let expected = [Class::Interactive, Class::Flow, Class::Incremental, Class::Sweep];
    assert_eq!(order.into_inner().unwrap(), expected);
}

#[tokio::test]
async fn another_process_is_woken_when_a_request_comes_back() {
    let Some(deployment) = Deployment::shared().await else { return };
    let [one, two] = [deployment.process().await, deployment.process().await];
    let policy = Arc::new(Policy { pacing: false, max_in_flight: 1, ..Policy::default() });
    let first = try_now(&one, &ask(&policy)).await.unwrap();
    let start = async {
        until("it waits", || async { one.look(KEY).await.unwrap().waiting.total() == 1 }).await;
        let answered = Instant::now();
        first.finish();
        answered
    };
    let asked = ask(&policy);
    let call = async { (two.acquire(&asked, SECOND * 60).await.unwrap(), Instant::now()) };
    let (answered, (permit, taken)) = join(start, call).await;
    permit.finish();
    // Sooner than anybody asks again unasked.
    assert!(taken - answered < SECOND * 2, "{:?}", taken - answered);
}

#[tokio::test]
async fn the_slot_of_a_process_that_died_is_held_to_its_end() {
    let Some(deployment) = Deployment::shared().await else { return };
    let (timeout, window) = (MILLISECOND * 300, MILLISECOND * 200);
    let policy = policy(1, window);
    let dying = Mortal::start(&deployment);
    let living = deployment.process().await;
    let asked = Ask { request_timeout: timeout, ..ask(&policy) };
    let sent = Instant::now();
    std::mem::forget(dying.budgets.acquire(&asked, SECOND * 10).await.unwrap());
    drop(dying);
    living.acquire(&asked, SECOND * 20).await.unwrap().finish();
    assert!(sent.elapsed() >= timeout + window, "{:?}", sent.elapsed());
}

#[tokio::test]
async fn a_waiter_of_a_process_that_died_holds_nobody_up_for_long() {
    let Some(deployment) = Deployment::shared().await else { return };
    let policy = policy(1, MILLISECOND * 50);
    let living = deployment.process().await;
    let dying = Mortal::start(&deployment);
    let first = try_now(&living, &ask(&policy)).await.unwrap();
    let (budgets, its_policy) = (dying.budgets.clone(), Arc::clone(&policy));
    spawn_on(dying.runtime.as_ref().unwrap(), async move {
        let asked = Ask { class: Class::Interactive, ..ask(&its_policy) };
        drop(budgets.acquire(&asked, SECOND * 60).await);
    });
    until("it waits", || async { living.look(KEY).await.unwrap().waiting.interactive == 1 }).await;
    drop(dying);
    let died = Instant::now();
    first.finish();
    living.acquire(&ask(&policy), SECOND * 20).await.unwrap().finish();
    assert!(died.elapsed() < SECOND * 5, "{:?}", died.elapsed());
}

#[tokio::test]
async fn a_refusal_and_a_correction_reach_all_processes() {
    let Some(deployment) = Deployment::shared().await else { return };
    let [one, two] = [deployment.process().await, deployment.process().await];
    let policy = policy(100, SECOND * 60);
    let permit = try_now(&one, &ask(&policy)).await.unwrap();
    permit.correct(40);
    one.look(KEY).await.unwrap();
    try_now(&two, &ask(&policy)).await.unwrap().put_back();
    assert_eq!(two.look(KEY).await.unwrap().held, 60);
    permit.penalise(SECOND * 40);
    one.look(KEY).await.unwrap();
    let wait = try_now(&two, &ask(&policy)).await.unwrap_err();
    assert!(wait.retry_after > SECOND * 30 && wait.retry_after <= SECOND * 40, "{wait:?}");
    assert!(two.look(KEY).await.unwrap().last_429_at.is_some());
    permit.finish();
}

#[tokio::test]
async fn the_limit_of_our_address_is_shared_fairly_across_processes() {
    let Some(deployment) = Deployment::shared().await else { return };
    let [one, two] = [deployment.process().await, deployment.process().await];
    let window = MILLISECOND * 300;
    let policy = Arc::new(Policy { address: Some(Limit::new(12, window)), pacing: false, ..Policy::default() });
    let judge = Judge::default();
    // The first budget is greedy, the others ask with four workers each from another process.
    let modest = [1, 1, 1, 1, 2, 2, 2, 2].map(|owner| (&two, owner));
    let workers = std::iter::repeat_n((&one, 0_u8), 32).chain(modest);
    let calls = join_all(workers.map(|(budgets, owner)| {
        let asked = Ask { key: BudgetKey::new([owner; 32]), ..ask(&policy) };
        let judge = &judge;
        async move { (owner, work(budgets, &asked, judge, 150).await) }
    }))
    .await;
    assert!(judge.most(window) <= 12, "{} in a window", judge.most(window));
    let of = |owner| calls.iter().filter(|(other, _)| *other == owner).map(|(_, n_made)| n_made).sum::<usize>();
    // A third each would be fair, and a tenth is what first come, first served gives.
    for owner in [1, 2] {
        assert!(of(owner) >= 25, "{owner}: {} of 150", of(owner));
    }
}

#[tokio::test]
async fn processes_know_how_many_they_are() {
    let Some(deployment) = Deployment::shared().await else { return };
    let one = deployment.process().await;
    let mortal = Mortal::start(&deployment);
    until("two count", || async { one.counting() == Counting::Together { n_processes: 2 } }).await;
    drop(mortal);
    until("one is left", || async { one.counting() == Counting::Together { n_processes: 1 } }).await;
}

#[tokio::test]
async fn nothing_stays_in_redis_for_ever() {
    let Some(deployment) = Deployment::shared().await else { return };
    let budgets = deployment.process().await;
    let paths = vec![PathLimit::new("/v1/people", 3, SECOND)];
    let policy = Arc::new(Policy { ceiling: 10, paths, address: Some(Limit::new(50, SECOND)), ..Policy::default() });
    let permit = budgets.acquire(&ask(&policy), SECOND).await.unwrap();
    permit.correct(2);
    permit.penalise_path(SECOND);
    permit.finish();
    let login = Ask { is_authentication: true, ..ask(&policy) };
    try_now(&budgets, &login).await.unwrap().finish();
    try_now(&budgets, &ask(&policy)).await.unwrap_err();
    until("the process is counted", || async { deployment.n_keys("processes").await == 1 }).await;
    for key in deployment.keys("*").await {
        let left: i64 = deployment.run(redis::cmd("PTTL").arg(&key)).await;
        assert!(left > 0 || left == -2, "{key} stays for {left}");
    }
}

#[tokio::test]
async fn a_waiter_does_not_poll() {
    let Some(server) = Server::start().await else { return };
    let deployment = server.deployment().await;
    let budgets = deployment.process().await;
    let policy = policy(1, SECOND * 2);
    try_now(&budgets, &ask(&policy)).await.unwrap().finish();
    let before = deployment.n_scripts().await;
    let asked = ask(&policy);
    let waiting = join_all((0..20).map(|_| budgets.acquire(&asked, MILLISECOND * 2_500))).await;
    assert_eq!(waiting.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    let n_scripts = deployment.n_scripts().await - before;
    // Some 13 beats, and a few calls for twenty waiters.
    assert!(n_scripts < 60, "{n_scripts}");
}

#[tokio::test]
async fn a_wrong_address_or_login_is_an_error_that_names_no_password() {
    let open = |url: String| async move {
        let clock = Arc::new(SystemClock);
        Budgets::on_redis(Settings::default(), clock, &SharedStore::at(url)).await.unwrap_err()
    };
    let wrong = open("http://:hunter4@127.0.0.1/".to_owned()).await;
    assert!(matches!(wrong, StoreError::Url(_)), "{wrong:?}");
    assert!(!format!("{wrong} {wrong:?}").contains("hunter4"));
    let Some(server) = Server::start().await else { return };
    let deployment = server.new_deployment();
    deployment.run::<()>(redis::cmd("CONFIG").arg("SET").arg("requirepass").arg("hunter5")).await;
    for url in [deployment.url.clone(), deployment.url.replace("redis://", "redis://:hunter4@")] {
        let refused = open(url).await;
        assert!(matches!(refused, StoreError::Login(_)), "{refused:?}");
        assert!(!format!("{refused} {refused:?}").contains("hunter4"));
    }
    assert!(!format!("{:?}", SharedStore::at("redis://:hunter4@host/")).contains("hunter4"));
}
