//! Employees deleted, which only version 2 does: when one is gone, and what is said where that cannot be.

use std::sync::Arc;

use gangway_domain::record::Stream;
use gangway_egress::{Class, Error as PortError, ErrorKind as Port, Response};
use serde_json::json;

use super::{
    super::{ApiVersion, BodyStyle, Config, Credential, Personio},
    start,
    v2::{granted, page},
    v2_attendances::{connection, problem},
    v2_writes::{begun, person, sent},
    vendor::{self, Script, answer, list},
};
use crate::contract::{
    Allowed, CheckRequest, Connection, Connector as _, DeleteEmployee, Deletion, ErrorKind, MemoryTokenStore, Retry,
    Runtime, StreamCheck, WriteError,
};

async fn delete(api: ApiVersion, script: Script) -> (Result<Deletion, WriteError>, Arc<Script>) {
    let script = Arc::new(script);
    let connection = connection(api, &script).await;
    (connection.target().unwrap().delete_employee(DeleteEmployee::new("7", Class::Flow)).await, script)
}

#[tokio::test]
async fn an_employee_is_gone_when_nobody_shows_them_any_more() {
    for (after, end) in [
        (problem(404), Deletion::Gone),
        (person(&json!({})), Deletion::StillThere),
        (answer(404, "<html>not here</html>"), Deletion::Unseen),
        (answer(500, ""), Deletion::Unseen),
    ] {
        for api in [ApiVersion::V2, ApiVersion::Auto] {
            let (ended, script) = delete(api, begun([answer(204, ""), after.clone()])).await;
            assert_eq!(ended.unwrap(), end);
            assert_eq!(sent(&script)[1..], ["DELETE /v2/persons/7", "GET /v2/persons/7"]);
        }
    }
}

#[tokio::test]
async fn who_is_gone_already_is_gone() {
    let (ended, script) = delete(ApiVersion::V2, begun([problem(404), page(&json!([]))])).await;
    assert_eq!(ended.unwrap(), Deletion::Gone);
    assert_eq!(sent(&script)[2], "GET /v2/persons");
    // Neither a proxy nor an address without version 2 knows that.
    for answers in [vec![problem(404), problem(404)], vec![answer(404, "<html>")], vec![problem(404), answer(500, "")]]
    {
        let (refused, _) = delete(ApiVersion::V2, begun(answers)).await;
        assert!(matches!(refused, Err(WriteError::Refused { .. })), "{refused:?}");
    }
}

#[tokio::test]
async fn a_deletion_whose_answer_is_lost_is_a_doubt_until_it_is_asked_for_again() {
    for kind in [Port::Broken, Port::TimedOut] {
        let lost = PortError::new(kind, "/v2/persons/7", "the test said so");
        let script = Arc::new(begun([]).then_fails(lost).then(problem(404)).then(page(&json!([]))));
        let connection = connection(ApiVersion::V2, &script).await;
        let target = connection.target().unwrap();
        let doubt = target.delete_employee(DeleteEmployee::new("7", Class::Flow)).await;
        assert!(matches!(&doubt, Err(WriteError::Unknown(error)) if error.retry == Retry::Never), "{doubt:?}");
        assert_eq!(sent(&script).len(), 2, "once");
        let again = target.delete_employee(DeleteEmployee::new("7", Class::Flow)).await;
        assert_eq!(again.unwrap(), Deletion::Gone);
    }
    for (status, body) in [(500, ""), (504, ""), (200, "<html>welcome</html>"), (200, r#"{"errors":[]}"#)] {
        let (doubt, _) = delete(ApiVersion::V2, begun([answer(status, body)])).await;
        assert!(matches!(doubt, Err(WriteError::Unknown(_))), "{status}: {doubt:?}");
    }
}

#[tokio::test]
async fn a_refusal_names_the_right_and_keeps_what_was_said() {
    let without = || granted("a", "personio:persons:read");
    for answers in [vec![without(), problem(403)], vec![without(), answer(401, r#"{"error":{"message":"x"}}"#)]] {
        let (refused, script) = delete(ApiVersion::V2, Script::new(answers)).await;
        let Err(WriteError::Refused { error, .. }) = refused else { panic!("{refused:?}") };
        assert_eq!(error.kind, ErrorKind::Forbidden);
        for word in ["personio:persons:write", "Employees: Write"] {
            assert!(error.message.contains(word), "{}", error.message);
        }
        assert_eq!(sent(&script).len(), 2);
    }
    let said =
        json!({"errors": [{"detail": "canary: still a supervisor", "type": "x#common.bad_request"}]}).to_string();
    for status in [400, 409, 422] {
        let (refused, _) = delete(ApiVersion::V2, begun([answer(status, said.clone())])).await;
        assert!(!format!("{refused:?}").contains("canary"), "{refused:?}");
        let Err(WriteError::Refused { error, remarks }) = refused else { panic!("{refused:?}") };
        assert_eq!((error.kind, remarks.0.len()), (ErrorKind::ConfigInvalid, 1), "{status}");
    }
}

async fn connected(api: ApiVersion, body_style: BodyStyle, script: Script) -> Arc<dyn Connection> {
    let clock = Arc::new(gangway_domain::ManualClock::new(start()));
    let tokens = Arc::new(MemoryTokenStore::new(clock.clone()));
    connected_by(api, body_style, Runtime::new(Arc::new(script), tokens, clock)).await
}

async fn connected_by(api: ApiVersion, body_style: BodyStyle, runtime: Runtime) -> Arc<dyn Connection> {
    let config = Config { base_url: "https://api.personio.de".to_owned(), page_size: None, body_style, api };
    let credential = Credential { client_id: "id-1".to_owned(), client_secret: "canary-secret".into() };
    Personio.connect(config, credential, runtime).await.unwrap()
}

#[tokio::test]
async fn a_refusal_of_an_older_token_passes_no_secret_on() {
    let clock = Arc::new(gangway_domain::ManualClock::new(start()));
    let tokens = Arc::new(MemoryTokenStore::new(clock.clone()));
    let said = json!({"errors": [{"detail": "canary-secret is not enough", "type": "x#common.forbidden"}]}).to_string();
    let mut ends = Vec::new();
    for script in [begun([answer(204, ""), problem(404)]), Script::new([answer(403, &said)])] {
        let runtime = Runtime::new(Arc::new(script), tokens.clone(), clock.clone());
        let connection = connected_by(ApiVersion::V2, BodyStyle::Wrapped, runtime).await;
        ends.push(connection.target().unwrap().delete_employee(DeleteEmployee::new("7", Class::Flow)).await);
    }
    assert!(matches!(ends.remove(0), Ok(Deletion::Gone)), "control: it logged in");
    // A new token is refused, since the last login was just now.
    let Err(WriteError::Refused { error, remarks }) = ends.remove(0) else { panic!("it was refused") };
    assert!(!format!("{error:?} {:?}", remarks.0).contains("canary"), "{error:?}");
}

#[tokio::test]
async fn where_only_version_1_may_be_asked_nobody_is_deleted() {
    for (style, word) in [(BodyStyle::Wrapped, "version 1"), (BodyStyle::Flat, "flat")] {
        let connection = connected(ApiVersion::V1, style, Script::default()).await;
        let target = connection.target().unwrap();
        let Err(WriteError::Refused { error, .. }) =
            target.delete_employee(DeleteEmployee::new("7", Class::Flow)).await
        else {
            panic!("{style:?}: somebody was deleted")
        };
        assert_eq!((error.kind, Some(error.message.as_str())), (ErrorKind::Unsupported, target.keeps_employees()));
        assert!(error.message.contains(word), "{}", error.message);
    }
    for id in ["", "../7", "7/8", "7?a=b"] {
        let connection = connected(ApiVersion::Auto, BodyStyle::Wrapped, Script::default()).await;
        let refused = connection.target().unwrap().delete_employee(DeleteEmployee::new(id, Class::Flow)).await;
        assert!(matches!(&refused, Err(WriteError::Refused { error, .. }) if error.kind == ErrorKind::Refused));
    }
}

async fn checked(api: ApiVersion, answers: impl IntoIterator<Item = Response>) -> Vec<StreamCheck> {
    let connection = connected(api, BodyStyle::Wrapped, Script::new(answers)).await;
    connection.check(CheckRequest::new(Class::Interactive)).await.unwrap().streams
}

#[tokio::test]
async fn the_check_says_no_only_where_there_is_no_call() {
    let v2_token = || super::v2_writes::token();
    let v2_streams = || [page(&json!([])), page(&json!([])), page(&json!([]))];
    let of = |streams: &[StreamCheck], stream: Stream| {
        let write = streams.iter().find(|check| check.stream == stream).unwrap().write.clone().unwrap();
        [write.change, write.delete].map(|access| (access.allowed, access.reason.unwrap_or_default()))
    };
    let by_2 = checked(ApiVersion::V2, std::iter::once(v2_token()).chain(v2_streams())).await;
    for stream in Stream::ALL {
        assert!(of(&by_2, stream).iter().all(|(allowed, _)| *allowed == Allowed::Yes), "{stream:?}: {by_2:?}");
    }
    let v1_streams = || [list(&json!([])), list(&json!([]))];
    let auto = std::iter::once(vendor::token("b")).chain(v1_streams()).chain([v2_token(), page(&json!([]))]);
    let auto = checked(ApiVersion::Auto, auto).await;
    assert_ne!(of(&auto, Stream::Employees)[1].0, Allowed::No);
    assert_ne!(of(&auto, Stream::Absences)[0].0, Allowed::No);

    let v1 = std::iter::once(vendor::token("b")).chain(v1_streams()).chain([list(&json!([]))]);
    let v1 = checked(ApiVersion::V1, v1).await;
    for (allowed, reason) in [&of(&v1, Stream::Employees)[1], &of(&v1, Stream::Absences)[0]] {
        assert_eq!(*allowed, Allowed::No);
        assert!(reason.contains("version 1 of") && reason.contains("`api`"), "{reason}");
    }
}
