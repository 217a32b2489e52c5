//! Redis goes away, comes back, or forgets: each process goes on with its share, and tells what it holds before it takes more.

mod support;

use std::sync::{Arc, Mutex};

use futures::future::{join, join_all, poll_immediate};
use gangway_limits::{Ask, Budgets, Class, Counting, Permit, Policy};
use support::{KEY, MILLISECOND, SECOND, Server, ask, policy, try_now, until};
use tokio::time::Instant;

async fn is_alone(budgets: &Budgets) {
    until("it goes on alone", || async { matches!(budgets.counting(), Counting::Share { .. }) }).await;
}

async fn is_back(budgets: &Budgets) {
    until("it is back", || async { matches!(budgets.counting(), Counting::Together { .. }) }).await;
}

async fn are_two(budgets: &Budgets) {
    until("they are two", || async { budgets.counting() == Counting::Together { n_processes: 2 } }).await;
}

#[tokio::test]
async fn slots_outlive_a_server_that_dies_and_comes_back_empty() {
    let Some(mut server) = Server::start().await else { return };
    let deployment = server.deployment().await;
    let budgets = deployment.process().await;
    let policy = policy(3, SECOND * 60);
    let sent = try_now(&budgets, &ask(&policy)).await.unwrap();
    try_now(&budgets, &ask(&policy)).await.unwrap().finish();
    server.kill();
    is_alone(&budgets).await;
    // Its share is the whole, of which two slots are held.
    try_now(&budgets, &ask(&policy)).await.unwrap().finish();
    let wait = try_now(&budgets, &ask(&policy)).await.unwrap_err();
    assert!(wait.retry_after > SECOND * 40, "{wait:?}");
    sent.finish();
    server.restart().await;
    is_back(&budgets).await;
    let wait = try_now(&budgets, &ask(&policy)).await.unwrap_err();
    assert!(wait.retry_after > SECOND * 40, "{wait:?}");
    let view = budgets.look(KEY).await.unwrap();
    assert_eq!((view.held, view.in_flight, view.unsure_until), (3, 0, None));
}

#[tokio::test]
async fn a_process_that_starts_without_redis_sends_hardly_anything_until_it_comes() {
    let Some(mut server) = Server::start().await else { return };
    let deployment = server.new_deployment();
    server.kill();
    let budgets = deployment.process().await;
    assert!(matches!(budgets.counting(), Counting::Share { .. }));
    let policy = policy(200, SECOND * 60);
    try_now(&budgets, &ask(&policy)).await.unwrap().finish();
    let wait = try_now(&budgets, &ask(&policy)).await.unwrap_err();
    assert!(wait.retry_after > SECOND * 200, "{wait:?}");
    server.restart().await;
    is_back(&budgets).await;
    budgets.acquire(&ask(&policy), SECOND * 20).await.unwrap().finish();
    assert_eq!(budgets.look(KEY).await.unwrap().held, 2);
}

#[tokio::test]
async fn each_process_takes_its_share_while_redis_is_away() {
    let Some(mut server) = Server::start().await else { return };
    let deployment = server.deployment().await;
    let [one, two] = [deployment.process().await, deployment.process().await];
    are_two(&one).await;
    are_two(&two).await;
    let policy = policy(4, SECOND * 60);
    server.kill();
    for budgets in [&one, &two] {
        is_alone(budgets).await;
        for _ in 0..2 {
            try_now(budgets, &ask(&policy)).await.unwrap().finish();
        }
        assert!(try_now(budgets, &ask(&policy)).await.is_err());
    }
    server.restart().await;
    for budgets in [&one, &two] {
        is_back(budgets).await;
        let look = || async { budgets.look(KEY).await.unwrap() };
        until("all slots are known", || async { look().await.held == 4 && look().await.unsure_until.is_none() }).await;
        assert!(try_now(budgets, &ask(&policy)).await.is_err());
    }
}

#[tokio::test]
async fn a_server_that_hangs_is_left_after_a_moment() {
    let Some(server) = Server::start().await else { return };
    let deployment = server.deployment().await;
    let budgets = deployment.impatient_process().await;
    let policy = policy(2, SECOND * 60);
    try_now(&budgets, &ask(&policy)).await.unwrap().finish();
    deployment.run::<()>(redis::cmd("CLIENT").arg("PAUSE").arg(3_000).arg("ALL")).await;
    let before = Instant::now();
    try_now(&budgets, &ask(&policy)).await.unwrap().finish();
    assert!(before.elapsed() < SECOND * 2, "{:?}", before.elapsed());
    assert!(try_now(&budgets, &ask(&policy)).await.is_err());
    is_back(&budgets).await;
    assert!(try_now(&budgets, &ask(&policy)).await.is_err());
    assert_eq!(budgets.look(KEY).await.unwrap().held, 2);
}

#[tokio::test]
async fn waiters_of_before_a_stall_take_no_slots_after_it() {
    let Some(server) = Server::start().await else { return };
    let deployment = server.deployment().await;
    let budgets = deployment.impatient_process().await;
    let policy = Arc::new(Policy { max_in_flight: 2, ..(*policy(100, SECOND * 60)).clone() });
    let held = [try_now(&budgets, &ask(&policy)).await.unwrap(), try_now(&budgets, &ask(&policy)).await.unwrap()];
    let asked = ask(&policy);
    let mut waiting = Box::pin(join_all((0..4).map(|_| budgets.acquire(&asked, SECOND * 60))));
    assert!(poll_immediate(&mut waiting).await.is_none());
    until("they wait", || async { budgets.look(KEY).await.unwrap().waiting.total() == 4 }).await;
    deployment.run::<()>(redis::cmd("CLIENT").arg("PAUSE").arg(1_000).arg("ALL")).await;
    is_alone(&budgets).await;
    // Two of them went on alone at most, since two are on their way; then they are dropped with the others.
    drop(waiting);
    is_back(&budgets).await;
    held.into_iter().for_each(Permit::finish);
    let look = || async { budgets.look(KEY).await.unwrap() };
    until("nobody waits", || async { look().await.waiting.total() == 0 && look().await.in_flight == 0 }).await;
    for _ in 0..4 {
        try_now(&budgets, &ask(&policy)).await.unwrap().finish();
    }
}

#[tokio::test]
async fn what_others_held_is_left_to_them_when_redis_goes_away() {
    let Some(mut server) = Server::start().await else { return };
    let deployment = server.deployment().await;
    let [one, two] = [deployment.process().await, deployment.process().await];
    are_two(&two).await;
    let policy = policy(4, SECOND * 60);
    for _ in 0..4 {
        try_now(&one, &ask(&policy)).await.unwrap().finish();
    }
    assert!(try_now(&two, &ask(&policy)).await.is_err());
    server.kill();
    is_alone(&two).await;
    assert!(try_now(&two, &ask(&policy)).await.is_err());
}

#[tokio::test]
async fn a_store_emptied_in_between_is_told_all_slots_before_anybody_takes_more() {
    let Some(server) = Server::start().await else { return };
    let deployment = server.deployment().await;
    let [one, two] = [deployment.process().await, deployment.process().await];
    are_two(&one).await;
    are_two(&two).await;
    let policy = policy(4, SECOND * 60);
    for budgets in [&one, &two, &two] {
        try_now(budgets, &ask(&policy)).await.unwrap().finish();
    }
    deployment.flush().await;
    one.acquire(&ask(&policy), SECOND * 10).await.unwrap().finish();
    for budgets in [&one, &two] {
        assert!(budgets.acquire(&ask(&policy), SECOND * 10).await.is_err());
        let view = budgets.look(KEY).await.unwrap();
        assert_eq!((view.held, view.unsure_until), (4, None));
    }
}

#[tokio::test]
async fn a_refusal_is_remembered_when_the_store_is_emptied() {
    let Some(server) = Server::start().await else { return };
    let deployment = server.deployment().await;
    let budgets = deployment.process().await;
    let policy = policy(4, SECOND * 60);
    let permit = try_now(&budgets, &ask(&policy)).await.unwrap();
    permit.penalise(SECOND * 50);
    permit.finish();
    budgets.look(KEY).await.unwrap();
    deployment.flush().await;
    let wait = budgets.acquire(&ask(&policy), SECOND * 10).await.unwrap_err();
    assert!(wait.retry_after > SECOND * 30, "{wait:?}");
}

#[tokio::test]
async fn where_store_and_holder_died_all_classes_keep_their_distance_for_a_window() {
    let Some(server) = Server::start().await else { return };
    // A new store and a new process: nobody knows what was sent before.
    let budgets = server.new_deployment().process().await;
    let policy = Arc::new(Policy { ceiling: 4, window: SECOND * 240, ..Policy::default() });
    let interactive = Ask { class: Class::Interactive, ..ask(&policy) };
    let permit = try_now(&budgets, &interactive).await.unwrap();
    let wait = try_now(&budgets, &interactive).await.unwrap_err();
    assert!(wait.retry_after > SECOND * 50, "{wait:?}");
    assert!(budgets.look(KEY).await.unwrap().unsure_until.is_some());
    permit.penalise(SECOND);
    permit.finish();
    budgets.look(KEY).await.unwrap();
    assert_eq!(budgets.n_unsure_refusals(), 1);
}

#[tokio::test]
async fn a_new_store_is_sure_again_after_a_window() {
    let Some(server) = Server::start().await else { return };
    let budgets = server.new_deployment().process().await;
    let policy = Arc::new(Policy { ceiling: 4, window: MILLISECOND * 400, ..Policy::default() });
    let interactive = Ask { class: Class::Interactive, ..ask(&policy) };
    budgets.acquire(&interactive, SECOND * 20).await.unwrap().finish();
    until("it is sure", || async { budgets.look(KEY).await.unwrap().unsure_until.is_none() }).await;
    budgets.acquire(&interactive, SECOND * 20).await.unwrap().finish();
}

#[tokio::test]
async fn waiters_do_not_notice_that_redis_went_away_and_came_back() {
    let Some(mut server) = Server::start().await else { return };
    let deployment = server.deployment().await;
    let budgets = deployment.process().await;
    let policy = policy(1, MILLISECOND * 200);
    let first = try_now(&budgets, &ask(&policy)).await.unwrap();
    let (asked, taken) = (ask(&policy), Mutex::new(Vec::new()));
    let call = || async {
        let permit = budgets.acquire(&asked, SECOND * 60).await.unwrap();
        taken.lock().unwrap().push(permit.taken_at());
        permit.finish();
    };
    let mut calls = Box::pin(join(call(), call()));
    assert!(poll_immediate(&mut calls).await.is_none());
    until("they wait", || async { budgets.look(KEY).await.unwrap().waiting.total() == 2 }).await;
    server.kill();
    let crisis = async {
        is_alone(&budgets).await;
        first.finish();
        let answered = Instant::now();
        until("one of them went on alone", || async { taken.lock().unwrap().len() == 1 }).await;
        server.restart().await;
        answered
    };
    let (answered, _) = join(crisis, calls).await;
    let [sooner, later] = taken.into_inner().unwrap()[..] else { panic!("both have a slot") };
    assert!(sooner >= answered + MILLISECOND * 200, "{:?}", sooner - answered);
    assert!(later >= sooner + MILLISECOND * 200, "{:?}", later - sooner);
}
