//! Giving a token back: what is sent, and what every answer means.

use std::sync::Arc;

use gangway_egress::{Body, Class};
use secrecy::{ExposeSecret as _, SecretString};

use super::{
    connection, start,
    vendor::{Script, answer},
};
use crate::contract::{ErrorKind, StoredToken};

#[tokio::test]
async fn a_token_is_given_back_in_a_form_and_a_refusal_is_told() {
    let given_back = async |status: u16| {
        let script = Arc::new(Script::new([answer(status, "canary-token")]));
        let connection = connection(script.clone()).await;
        let revocation = connection.revocation().unwrap();
        let token = StoredToken::new(SecretString::from("canary-token"), start());
        let end = revocation.revoke(&token, Class::Interactive).await;
        assert!(!format!("{end:?}").contains("canary"), "{end:?}");
        let sent = script.sent.lock().unwrap();
        let Body::Form(form) = &sent[0].body else { panic!("no form") };
        let form: Vec<_> = form.iter().map(|(name, value)| (name.as_str(), value.expose_secret())).collect();
        assert_eq!((sent.len(), sent[0].path.as_str(), form), (1, "/v2/auth/revoke", vec![("token", "canary-token")]));
        assert!(sent[0].bearer.is_none());
        end.map_err(|error| error.kind)
    };
    assert_eq!(given_back(200).await, Ok(()));
    for (status, kind) in [
        (401, ErrorKind::Forbidden),
        (404, ErrorKind::Unsupported),
        (429, ErrorKind::RateLimited),
        (500, ErrorKind::Unavailable),
    ] {
        assert_eq!(given_back(status).await, Err(kind), "{status}");
    }
}
