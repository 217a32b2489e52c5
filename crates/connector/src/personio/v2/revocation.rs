//! Giving a token of version 2 back: `POST /v2/auth/revoke` with the token in a form (developer.personio.de, v2.0 reference, read
//! 2026-11-23). Version 1 has nothing like it.

use async_trait::async_trait;
use gangway_egress::{Body, Class, Method, Request};

use super::client::{API, Client};
use crate::{
    contract::{Api, Error, ErrorKind, Result, Revocation, StoredToken},
    personio::PersonioConnection,
};

const PATH: &str = "/v2/auth/revoke";
const OPERATION: &str = "give a token back";

#[async_trait]
impl Revocation for PersonioConnection {
    fn api(&self) -> Api {
        API
    }

    async fn revoke(&self, token: &StoredToken, class: Class) -> Result<()> {
        revoke(&self.v2, token, class).await
    }
}

async fn revoke(client: &Client, token: &StoredToken, class: Class) -> Result<()> {
    let mut request = Request::new(Method::Post, PATH, PATH, class);
    request.body = Body::Form(vec![("token".to_owned(), token.token.clone())]);
    request.max_answer_bytes = 64 * 1024;
    request.is_authentication = true;
    let response = client.send(request).await.map_err(|error| Error::from_port(OPERATION, error))?;
    let (kind, message) = match response.status {
        200..=299 => return Ok(()),
        // Seen by users (read 2026-11-23).
        status @ (401 | 403) => {
            (ErrorKind::Forbidden, format!("Personio does not let it be given back (status {status})"))
        }
        status @ (404 | 405 | 410 | 501) => {
            (ErrorKind::Unsupported, format!("Personio takes no tokens back at this address (status {status})"))
        }
        429 => (ErrorKind::RateLimited, "Personio allows 150 authentications a minute".to_owned()),
        status => (ErrorKind::Unavailable, format!("Personio answers with status {status}")),
    };
    Err(Error::new(kind, OPERATION, message))
}
