//! Webhooks in the vendor's bad luck: answers cut off, links that lead astray, receivers that are away, notices that come twice and
//! the wrong way round, other integrations beside ours.

use chrono::TimeDelta;
use gangway_connector::{
    CallWebhook, ErrorKind, Happened, Notice, ReadMissed, RegisterWebhook, RemoveWebhook, Webhooks, WriteError,
};
use gangway_domain::{Clock as _, record::Stream};
use gangway_egress::Class;
use gangway_sandbox::{Effect, Fault, Handle};
use gangway_testkit::behaviour::{Receiver, Size, Subject};
use secrecy::SecretString;
use serde_json::json;

use super::emulator::Variant;

const LIST: &str = "/v2/webhooks";
const HOOK: &str = "/hooks/ours";
const CLASS: Class = Class::Interactive;

struct Stage {
    subject: Subject,
    handle: Handle,
    receiver: Receiver,
}

impl Stage {
    async fn start() -> Self {
        let (subject, handle) = Variant::VENDOR.start_with_handle(Size::SMALL).await;
        Self { subject, handle, receiver: Receiver::start().await }
    }

    fn webhooks(&self) -> &dyn Webhooks {
        self.subject.connection.webhooks().unwrap()
    }

    async fn register(&self) -> Result<String, WriteError> {
        let streams = Stream::ALL.to_vec();
        let request = RegisterWebhook::new(self.receiver.url(HOOK), SecretString::from("token-1"), streams, CLASS);
        self.webhooks().register(request).await.map(|registered| registered.id)
    }

    fn fault(&self, method: &str, path: &str, effect: Effect) {
        let fault = Fault { method: Some(method.to_owned()), times: Some(1), ..Fault::always(path, effect) };
        self.handle.add_fault(fault).unwrap();
    }

    fn change(&self, last_name: &str) -> String {
        let id = self.handle.people()[0]["id"].as_u64().unwrap();
        self.handle.change_person(id, &json!({"last_name": last_name})).unwrap();
        id.to_string()
    }

    async fn told(&self) -> Vec<Notice> {
        use gangway_connector::{Notices as _, personio::Personio};

        self.handle.send_webhooks().await;
        self.receiver.take().into_iter().flat_map(|one| Personio.parse(&one.body.into()).unwrap()).collect()
    }
}

#[tokio::test]
async fn a_registration_that_was_applied_and_then_cut_is_found_again() {
    for effect in [Effect::Cut { after_percent: 50 }, Effect::Cut { after_percent: 0 }] {
        let stage = Stage::start().await;
        stage.fault("POST", LIST, effect);
        let id = stage.register().await.unwrap();
        assert_eq!(stage.handle.webhooks().len(), 1, "registered once");
        stage.webhooks().ping(CallWebhook::new(id, CLASS)).await.unwrap();
        assert_eq!(stage.told().await[0].happened, Happened::Tried);
    }
}

#[tokio::test]
async fn a_removal_that_was_applied_and_then_cut_may_be_asked_for_again() {
    let stage = Stage::start().await;
    stage.register().await.unwrap();
    stage.fault("DELETE", "/v2/webhooks/{id}", Effect::Cut { after_percent: 0 });
    let remove = || stage.webhooks().remove(RemoveWebhook::new(stage.receiver.url(HOOK), CLASS));
    assert!(matches!(remove().await, Err(WriteError::Unknown(_))));
    assert_eq!(remove().await.unwrap().n_removed, 0);
    assert!(stage.handle.webhooks().is_empty());
}

#[tokio::test]
async fn a_link_to_another_origin_gets_no_token() {
    let stage = Stage::start().await;
    let id = stage.register().await.unwrap();
    let elsewhere = Receiver::start().await;
    let origin = {
        use secrecy::ExposeSecret as _;
        elsewhere.url("").expose_secret().to_owned()
    };
    for path in [LIST, "/v2/webhooks/{id}/events"] {
        let fault = Fault::always(path, Effect::NextElsewhere { origin: origin.clone() });
        stage.handle.add_fault(fault).unwrap();
    }
    for _ in 0..201 {
        stage.change(if stage.handle.people()[0]["last_name"] == "A" { "B" } else { "A" });
    }
    let now = stage.subject.clock.now();
    let span = ReadMissed::new(&id, now - TimeDelta::hours(1), now, CLASS);
    let error = stage.webhooks().missed(span).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Protocol);
    assert!(error.message.contains("another address"), "{error}");
    assert!(elsewhere.take().is_empty());
}

#[tokio::test]
async fn a_receiver_that_was_away_is_told_later_and_once() {
    let stage = Stage::start().await;
    stage.register().await.unwrap();
    stage.receiver.answers_always(503);
    let id = stage.change("Später");
    assert_eq!(stage.told().await.len(), 2, "one fast request more");
    assert!(stage.told().await.is_empty());
    stage.receiver.answers_always(204);
    stage.subject.advance_s(5 * 60);
    let told = stage.told().await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].record.as_ref().unwrap().id, id);
    stage.subject.advance_s(4 * 24 * 3_600);
    assert!(stage.told().await.is_empty());
}

#[tokio::test]
async fn notices_that_come_twice_and_the_wrong_way_round_are_the_same_notices() {
    let stage = Stage::start().await;
    stage.register().await.unwrap();
    stage.handle.change_switches(&json!({"webhook_copies": 2, "webhooks_reversed": true})).unwrap();
    let id = stage.change("Eins");
    stage.subject.advance_s(1);
    stage.change("Zwei");
    let told = stage.told().await;
    let times: Vec<_> = told.iter().map(|notice| notice.occurred_at.unwrap()).collect();
    assert_eq!(told.len(), 4);
    assert!(times[0] == times[1] && times[2] == times[3] && times[0] > times[2], "{times:?}");
    assert!(told.iter().all(|notice| notice.record.as_ref().is_some_and(|record| record.id == id)));
    assert_eq!(told[0], told[1], "a copy can be told by its equality");
}

#[tokio::test]
async fn a_credential_without_the_right_is_told_what_to_tick() {
    for scope in ["personio:persons:read", "personio:webhooks:read"] {
        let stage = Stage::start().await;
        let credential = stage.subject.account.credential();
        let credential: serde_json::Value = {
            use secrecy::ExposeSecret as _;
            serde_json::from_str(credential.expose_secret()).unwrap()
        };
        stage.handle.set_scopes(credential["client_id"].as_str().unwrap(), Some(vec![scope.to_owned()])).unwrap();
        let Err(WriteError::Refused { error, .. }) = stage.register().await else { panic!("it registers") };
        assert_eq!(error.kind, ErrorKind::Forbidden);
        assert!(error.message.contains("Webhooks: Write"), "{error}");
        assert!(stage.handle.webhooks().is_empty());
    }
}

#[tokio::test]
async fn an_account_without_version_2_is_set_up_by_hand() {
    let stage = Stage::start().await;
    stage.handle.change_switches(&json!({"v2_unavailable": true})).unwrap();
    let Err(WriteError::Refused { error, .. }) = stage.register().await else { panic!("it registers") };
    assert_eq!(error.kind, ErrorKind::Unsupported);
    assert!(error.message.contains("by hand"), "{error}");
}
