//! The connector, with an input for a vendor.

use std::{
    future::Future,
    sync::{Arc, OnceLock, PoisonError, RwLock},
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::FutureExt as _;
use gangway_connector::{AnyConnector, Connection, MemoryTokenStore, Runtime, registry};
use gangway_domain::{Clock, SystemClock};
use gangway_egress::{Error, HttpPort, Request, Response};
use secrecy::SecretString;
use serde_json::json;

/// Looked for in whatever is said about an answer.
pub(super) const SECRET: &str = "canary-secret-of-the-credential";

/// Answers every request but the login with the same bytes.
struct Stranger(RwLock<Response>);

#[async_trait]
impl HttpPort for Stranger {
    async fn send(&self, request: Request) -> Result<Response, Error> {
        if request.is_authentication {
            let token = json!({ "success": true, "data": { "token": "token-of-the-vendor", "expires_in": 86_400 } });
            return Ok(Response::new(200, Vec::new(), token.to_string()));
        }
        Ok(self.0.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

/// A connection to the stranger.
pub(super) struct Account {
    pub(super) connection: Arc<dyn Connection>,
    stranger: Arc<Stranger>,
}

impl Account {
    /// The account of this process.
    pub(super) fn get() -> &'static Self {
        static ACCOUNT: OnceLock<Account> = OnceLock::new();
        ACCOUNT.get_or_init(|| {
            let stranger = Arc::new(Stranger(RwLock::new(Response::new(200, Vec::new(), ""))));
            let clock: Arc<dyn Clock> = Arc::new(SystemClock);
            let tokens = Arc::new(MemoryTokenStore::new(Arc::clone(&clock)));
            let http: Arc<dyn HttpPort> = stranger.clone();
            let credential = json!({ "client_id": "id", "client_secret": SECRET }).to_string();
            let connecting = async {
                let connector = personio();
                connector.connect(&json!({}), &SecretString::from(credential), Runtime::new(http, tokens, clock)).await
            };
            Self { connection: now(connecting).expect("the credential has the right shape"), stranger }
        })
    }

    /// What every request is answered with from now on.
    pub(super) fn answers(&self, status: u16, content_type: &str, body: &[u8]) {
        let headers = vec![("content-type".to_owned(), content_type.to_owned())];
        let answer = Response::new(status, headers, Bytes::copy_from_slice(body));
        *self.stranger.0.write().unwrap_or_else(PoisonError::into_inner) = answer;
    }
}

/// The connector.
pub(super) fn personio() -> Arc<dyn AnyConnector> {
    Arc::clone(registry().get("personio").expect("it is built in"))
}

/// What a future that waits for nobody answers.
pub(super) fn now<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("nothing here waits")
}

/// A status that an answer may have, by a number.
pub(super) fn status(number: u8) -> u16 {
    const STATUSES: [u16; 8] = [401, 403, 404, 429, 500, 204, 302, 422];
    if number < 200 { 200 } else { STATUSES[usize::from(number) % STATUSES.len()] }
}

/// Checks that what is said of an answer holds no secret.
pub(super) fn assert_discreet(said: &str) {
    assert!(!said.contains(SECRET) && !said.contains("token-of-the-vendor"), "a secret is told: {said}");
}
