//! Being told of changes: what is registered arrives, is known, names the record and ends; where nothing can be registered, an admin
//! is told how to do it by hand.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use gangway_connector::{
    AnyConnector, CallWebhook, Happened, Incoming, Notice, Notices, Paste, ReadMissed, ReadOne, Redeliver,
    RegisterWebhook, Registered, RemoveWebhook, Webhooks,
};
use gangway_domain::{Clock as _, record::Stream};
use gangway_egress::Class;
use secrecy::SecretString;

use super::{
    Harness,
    account::Size,
    receiver::{Received, Receiver},
    subject::Subject,
};

const HOOK: &str = "/hooks/ours";
const TOKEN: &str = "a-token-of-the-suite";
const CLASS: Class = Class::Interactive;

pub(super) async fn run(harness: &Harness) {
    registering_twice_is_registering_once(harness).await;
    a_change_is_told_of_and_names_the_record(harness).await;
    every_stream_is_told_of(harness).await;
    a_ping_arrives(harness).await;
    what_did_not_arrive_is_listed_and_sent_again(harness).await;
    the_token_can_change(harness).await;
    only_our_own_is_removed(harness).await;
}

/// How a webhook is set up by hand.
pub(super) fn by_hand(harness: &Harness) {
    let connector = harness.emulator.connector();
    let notices = connector.notices().expect("the connector reads what its vendor sends");
    let steps = notices.manual();
    assert!(steps.iter().all(|step| !step.text.is_empty()), "{}: a step says nothing", harness.name);
    let n_urls = steps.iter().filter(|step| step.paste == Some(Paste::Url)).count();
    assert_eq!(n_urls, 1, "{}: the steps say once where the address goes", harness.name);
}

/// A connection, and somebody who is told.
struct Stage {
    subject: Subject,
    receiver: Receiver,
    connector: Arc<dyn AnyConnector>,
}

impl Stage {
    async fn start(harness: &Harness) -> Self {
        let connector = harness.emulator.connector();
        Self { subject: Subject::start(harness, Size::SMALL).await, receiver: Receiver::start().await, connector }
    }

    fn webhooks(&self) -> &dyn Webhooks {
        self.subject.connection.webhooks().expect("the connection can have the vendor tell of changes")
    }

    fn notices(&self) -> &dyn Notices {
        self.connector.notices().expect("who can be told can read what is told")
    }

    async fn register(&self, path: &str, token: &str) -> Registered {
        let streams = self.subject.manifest.streams.iter().map(|stream| stream.stream).collect();
        let request = RegisterWebhook::new(self.receiver.url(path), SecretString::from(token), streams, CLASS);
        let registered = self.webhooks().register(request).await;
        self.subject.advance_s(1);
        registered.unwrap_or_else(|error| panic!("{}: register: {error:?}", self.subject.name))
    }

    async fn remove(&self, path: &str) -> usize {
        let removed = self.webhooks().remove(RemoveWebhook::new(self.receiver.url(path), CLASS)).await;
        self.subject.advance_s(1);
        removed.unwrap_or_else(|error| panic!("{}: remove: {error:?}", self.subject.name)).n_removed
    }

    /// Somebody whose change the vendor tells of.
    fn someone(&self) -> String {
        self.subject.account.records(Stream::Employees).first().expect("there is somebody").id.clone()
    }

    fn now(&self) -> DateTime<Utc> {
        self.subject.clock.now()
    }

    /// What has arrived, once everything that is due was sent.
    async fn arrived(&self) -> Vec<Received> {
        self.subject.account.send_webhooks().await;
        self.receiver.take()
    }

    fn is_authentic(&self, received: &Received, tokens: &[&str]) -> bool {
        let tokens: Vec<SecretString> = tokens.iter().map(|token| SecretString::from(*token)).collect();
        self.notices().verify(&Incoming::new(&received.headers, &received.body.clone().into()), &tokens)
    }

    fn read(&self, received: &Received) -> Vec<Notice> {
        let notices = self.notices().parse(&received.body.clone().into());
        notices.unwrap_or_else(|error| panic!("{}: {error:?}", self.subject.name))
    }

    /// The notices that have arrived, all of which the vendor must have sent.
    async fn told(&self) -> Vec<Notice> {
        let arrived = self.arrived().await;
        assert!(arrived.iter().all(|one| self.is_authentic(one, &[TOKEN])), "{}: a stranger's", self.subject.name);
        arrived.iter().flat_map(|one| self.read(one)).collect()
    }
}

fn names(notices: &[Notice], stream: Stream, id: &str) -> bool {
    let is_it =
        |notice: &Notice| notice.stream == Some(stream) && notice.record.as_ref().is_some_and(|record| record.id == id);
    notices.iter().any(is_it)
}

async fn registering_twice_is_registering_once(harness: &Harness) {
    let stage = Stage::start(harness).await;
    let first = stage.register(HOOK, TOKEN).await;
    assert!(first.is_new && !first.id.is_empty(), "{}: {first:?}", stage.subject.name);
    let second = stage.register(HOOK, TOKEN).await;
    assert_eq!((second.id, second.is_new), (first.id, false), "{}", stage.subject.name);
    stage.subject.account.change(Stream::Employees, &stage.someone());
    let told = stage.told().await;
    let id = stage.someone();
    let n = told.iter().filter(|notice| names(std::slice::from_ref(notice), Stream::Employees, &id)).count();
    assert!(n > 0, "{}: nothing arrived", stage.subject.name);
    assert_eq!(stage.remove(HOOK).await, 1, "{}", stage.subject.name);
}

async fn a_change_is_told_of_and_names_the_record(harness: &Harness) {
    let stage = Stage::start(harness).await;
    stage.register(HOOK, TOKEN).await;
    assert!(stage.arrived().await.is_empty(), "{}: nothing has happened", stage.subject.name);
    let (account, name) = (&stage.subject.account, &stage.subject.name);
    let id = stage.someone();
    account.change(Stream::Employees, &id);
    let arrived = stage.arrived().await;
    let received = arrived.first().unwrap_or_else(|| panic!("{name}: the change is not told of"));
    assert_eq!(received.path, HOOK, "{name}");
    assert!(stage.is_authentic(received, &[TOKEN]) && !stage.is_authentic(received, &["another"]), "{name}");
    assert!(!stage.is_authentic(received, &[]), "{name}: without a token nothing is authentic");
    let told: Vec<Notice> = arrived.iter().flat_map(|one| stage.read(one)).collect();
    assert!(names(&told, Stream::Employees, &id), "{name}: {told:?}");
    let one = stage.subject.source().read_one(ReadOne::new(Stream::Employees, &id, CLASS)).await;
    assert_eq!(one.expect("it can be read").expect("it is there").external.id, id, "{name}: what is named can be read");

    let new = account.add(Stream::Employees);
    let told = stage.told().await;
    let of_new = |notice: &&Notice| notice.record.as_ref().is_some_and(|record| record.id == new);
    assert!(told.iter().filter(of_new).any(|notice| notice.happened == Happened::Created), "{name}: {told:?}");
    account.remove(Stream::Employees, &new);
    let told = stage.told().await;
    assert!(told.iter().filter(of_new).any(|notice| notice.happened == Happened::Deleted), "{name}: {told:?}");
}

async fn every_stream_is_told_of(harness: &Harness) {
    let stage = Stage::start(harness).await;
    stage.register(HOOK, TOKEN).await;
    for stream in harness.streams() {
        let id = stage.subject.account.add(stream);
        stage.subject.account.remove(stream, &id);
        let told = stage.told().await;
        for happened in [Happened::Created, Happened::Deleted] {
            let is_it = |notice: &Notice| notice.stream == Some(stream) && notice.happened == happened;
            assert!(told.iter().any(is_it), "{}: {stream:?} {happened:?}: {told:?}", stage.subject.name);
        }
    }
}

async fn a_ping_arrives(harness: &Harness) {
    let stage = Stage::start(harness).await;
    let id = stage.register(HOOK, TOKEN).await.id;
    let pinged = stage.webhooks().ping(CallWebhook::new(id, CLASS)).await;
    pinged.unwrap_or_else(|error| panic!("{}: ping: {error:?}", stage.subject.name));
    let told = stage.told().await;
    let happened: Vec<Happened> = told.iter().map(|notice| notice.happened).collect();
    assert_eq!(happened, [Happened::Tried], "{}", stage.subject.name);
}

async fn what_did_not_arrive_is_listed_and_sent_again(harness: &Harness) {
    let stage = Stage::start(harness).await;
    let webhook = stage.register(HOOK, TOKEN).await.id;
    let name = &stage.subject.name;
    let from = stage.now();
    stage.subject.advance_s(1);
    let id = stage.someone();
    stage.subject.account.change(Stream::Employees, &id);
    // An answer that no vendor takes for an outage.
    stage.receiver.answers_always(404);
    assert!(!stage.arrived().await.is_empty(), "{name}: it was sent");
    assert!(stage.arrived().await.is_empty(), "{name}: it was sent again");

    let to = stage.now();
    let mut request = ReadMissed::new(&webhook, from, to, CLASS);
    let mut missed = Vec::new();
    loop {
        let page = stage.webhooks().missed(request.clone()).await;
        let page = page.unwrap_or_else(|error| panic!("{name}: missed: {error:?}"));
        missed.extend(page.notices);
        stage.subject.advance_s(1);
        match page.next {
            Some(next) => request = request.with_checkpoint(Some(next)),
            None => break,
        }
    }
    assert!(names(&missed, Stream::Employees, &id), "{name}: {missed:?}");
    assert!(missed.iter().all(|notice| notice.occurred_at.is_some_and(|at| from <= at && at <= to)), "{name}");

    let before = ReadMissed::new(&webhook, from - chrono::TimeDelta::days(1), from, CLASS);
    let before = stage.webhooks().missed(before).await.unwrap_or_else(|error| panic!("{name}: missed: {error:?}"));
    assert!(!names(&before.notices, Stream::Employees, &id), "{name}: it happened later");

    stage.receiver.answers_always(204);
    let again = stage.webhooks().redeliver(Redeliver::new(&webhook, from, to, CLASS)).await;
    again.unwrap_or_else(|error| panic!("{name}: redeliver: {error:?}"));
    let told = stage.told().await;
    assert!(names(&told, Stream::Employees, &id), "{name}: {told:?}");
}

async fn the_token_can_change(harness: &Harness) {
    let stage = Stage::start(harness).await;
    stage.register(HOOK, "the-token-before").await;
    stage.subject.account.change(Stream::Employees, &stage.someone());
    let before = stage.arrived().await;
    stage.register(HOOK, TOKEN).await;
    let new = stage.subject.account.add(Stream::Employees);
    let after = stage.arrived().await;
    let name = &stage.subject.name;
    assert!(!before.is_empty() && !after.is_empty(), "{name}");
    let both = [TOKEN, "the-token-before"];
    assert!(before.iter().chain(&after).all(|one| stage.is_authentic(one, &both)), "{name}: they overlap");
    assert!(before.iter().all(|one| !stage.is_authentic(one, &[TOKEN])), "{name}");
    assert!(after.iter().all(|one| stage.is_authentic(one, &[TOKEN])), "{name}");
    let told: Vec<Notice> = after.iter().flat_map(|one| stage.read(one)).collect();
    assert!(names(&told, Stream::Employees, &new), "{name}: {told:?}");
}

async fn only_our_own_is_removed(harness: &Harness) {
    let stage = Stage::start(harness).await;
    stage.register(HOOK, TOKEN).await;
    stage.register("/hooks/of-another", TOKEN).await;
    let name = &stage.subject.name;
    assert_eq!(stage.remove(HOOK).await, 1, "{name}");
    assert_eq!(stage.remove(HOOK).await, 0, "{name}: one that is not there is no error");
    stage.subject.account.change(Stream::Employees, &stage.someone());
    let paths: Vec<String> = stage.arrived().await.into_iter().map(|received| received.path).collect();
    assert!(!paths.is_empty() && paths.iter().all(|path| path == "/hooks/of-another"), "{name}: {paths:?}");
}
