//! Redis goes away, comes back, or forgets: each process goes on with its share, and tells what it holds before it takes more.

mod support;

use std::sync::{Arc, Mutex};

use futures::future::{join, join_all, poll_immediate};
use gangway_limits::{Ask, Budgets, Class, Counting, Limit, PathLimit, Permit, Policy};
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
    let policy = policy(40, SECOND * 60);
    for budgets in [&one, &two] {
        try_now(budgets, &ask(&policy)).await.unwrap().finish();
    }
    server.kill();
    for budgets in [&one, &two] {
        is_alone(budgets).await;
        for _ in 1..20 {
            try_now(budgets, &ask(&policy)).await.unwrap().finish();
        }
        assert!(try_now(budgets, &ask(&policy)).await.is_err());
    }
    server.restart().await;
    for budgets in [&one, &two] {
        is_back(budgets).await;
        let look = || async { budgets.look(KEY).await.unwrap() };
        until("all slots are known", || async { look().await.held == 40 && look().await.unsure_until.is_none() }).await;
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
async fn so_it_is_with_the_limits_of_paths_and_logins_and_of_the_address() {
    let Some(mut server) = Server::start().await else { return };
    let deployment = server.deployment().await;
    let [one, two] = [deployment.process().await, deployment.process().await];
    are_two(&two).await;
    let window = SECOND * 60;
    let limits = Policy {
        ceiling: 100,
        pacing: false,
        paths: vec![PathLimit::new("/v1/people", 4, window)],
        authentication: Limit::new(4, window),
        address: Some(Limit::new(12, window)),
        ..Policy::default()
    };
    let policy = Arc::new(limits);
    let listing = ask(&policy);
    let login = Ask { is_authentication: true, ..ask(&policy) };
    let other = Ask { template: "/v1/others", ..ask(&policy) };
    for (asked, n) in [(&listing, 4), (&login, 4), (&other, 4)] {
        for _ in 0..n {
            try_now(&one, asked).await.unwrap().finish();
        }
        assert!(try_now(&two, &listing).await.is_err());
    }
    assert!(try_now(&two, &login).await.is_err());
    assert!(try_now(&two, &other).await.is_err());
    server.kill();
    is_alone(&two).await;
    for asked in [&listing, &login, &other] {
        assert!(try_now(&two, asked).await.is_err());
    }
    // The ceiling alone would let it go.
    let elsewhere = Ask { host: "https://other.example", ..other };
    assert!(try_now(&two, &elsewhere).await.is_err(), "nobody knows what was sent there");
    let unlimited = Arc::new(Policy { address: None, ..(*policy).clone() });
    try_now(&two, &Ask { policy: &unlimited, host: "https://a-third.example", ..ask(&unlimited) }).await.unwrap_err();
    try_now(
        &two,
        &Ask { policy: &unlimited, template: "/v1/others", host: "https://a-third.example", ..ask(&unlimited) },
    )
    .await
    .unwrap()
    .finish();
}

#[tokio::test]
async fn a_budget_that_was_not_looked_at_lately_is_taken_for_used_up_for_a_window() {
    let Some(mut server) = Server::start().await else { return };
    let deployment = server.deployment().await;
    let [one, two] = [deployment.process().await, deployment.process().await];
    are_two(&one).await;
    are_two(&two).await;
    let policy = Arc::new(Policy { address: None, ..(*policy(4, SECOND * 3)).clone() });
    for _ in 0..4 {
        try_now(&one, &ask(&policy)).await.unwrap().finish();
    }
    server.kill();
    is_alone(&two).await;
    let wait = try_now(&two, &ask(&policy)).await.unwrap_err();
    assert!(wait.retry_after <= SECOND * 3, "{wait:?}");
    two.acquire(&ask(&policy), SECOND * 20).await.unwrap().finish();
}

#[tokio::test]
async fn whoever_took_the_place_of_one_that_died_with_the_store_does_not_stand_for_it() {
    let Some(mut server) = Server::start().await else { return };
    let deployment = server.deployment().await;
    let [one, two] = [deployment.process().await, deployment.process().await];
    are_two(&one).await;
    are_two(&two).await;
    let policy = policy(100, SECOND * 60);
    try_now(&two, &ask(&policy)).await.unwrap().finish();
    server.kill();
    is_alone(&one).await;
    drop(two);
    server.restart().await;
    let three = deployment.process().await;
    is_back(&one).await;
    one.acquire(&ask(&policy), SECOND * 10).await.unwrap().finish();
    three.acquire(&ask(&policy), SECOND * 30).await.unwrap().finish();
    assert!(three.look(KEY).await.unwrap().unsure_until.is_some());
}

#[tokio::test]
async fn a_store_that_comes_back_as_it_was_before_is_no_store_that_is_known() {
    let Some(mut server) = Server::start().await else { return };
    let deployment = server.deployment().await;
    let [one, two] = [deployment.process().await, deployment.process().await];
    are_two(&one).await;
    are_two(&two).await;
    let policy = policy(4, SECOND * 60);
    try_now(&one, &ask(&policy)).await.unwrap().finish();
    deployment.run::<()>(&redis::cmd("SAVE")).await;
    for budgets in [&one, &two, &two] {
        try_now(budgets, &ask(&policy)).await.unwrap().finish();
    }
    server.kill();
    drop(two);
    is_alone(&one).await;
    server.restart().await;
    is_back(&one).await;
    one.acquire(&ask(&policy), SECOND * 10).await.unwrap().finish();
    let view = one.look(KEY).await.unwrap();
    assert_eq!((view.held, view.unsure_until.is_some()), (3, true), "two slots died with their holder");
}

#[tokio::test]
async fn a_store_that_nobody_could_reach_opens_once_all_have_told_what_they_took_meanwhile() {
    let Some(server) = Server::start().await else { return };
    let deployment = server.deployment().await;
    let [one, two] = [deployment.impatient_process().await, deployment.impatient_process().await];
    are_two(&one).await;
    are_two(&two).await;
    let policy = policy(40, SECOND * 60);
    for budgets in [&one, &two] {
        try_now(budgets, &ask(&policy)).await.unwrap().finish();
    }
    deployment.run::<()>(redis::cmd("CLIENT").arg("PAUSE").arg(2_000).arg("ALL")).await;
    is_alone(&one).await;
    is_alone(&two).await;
    try_now(&two, &ask(&policy)).await.unwrap().finish();
    drop(two);
    is_back(&one).await;
    one.acquire(&ask(&policy), SECOND * 20).await.unwrap().finish();
    assert!(one.look(KEY).await.unwrap().unsure_until.is_some(), "a slot died with its holder");
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
    // Others may be about to come.
    assert!(try_now(&budgets, &interactive).await.is_err());
    let permit = budgets.acquire(&interactive, SECOND * 20).await.unwrap();
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
