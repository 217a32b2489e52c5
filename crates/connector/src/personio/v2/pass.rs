//! Readings of version 2 passed through: with its token, and the header that betas want.

use gangway_egress::{Request, Response};

use super::{client::Client, problem::Problem};
use crate::contract::{Error, ErrorKind, Result};

/// Lists that are not there unless they are asked for as betas (developer.personio.de, read 2026-11-23).
const BETAS: [&str; 3] = ["/v2/org-units", "/v2/cost-centers", "/v2/workplaces"];

impl Client {
    /// Sends a reading and gives back whatever the vendor answers, unless it cannot be asked at all or repeats a secret.
    pub(in crate::personio) async fn pass(&self, operation: &'static str, mut request: Request) -> Result<Response> {
        request.headers.push(("accept", "application/json, application/problem+json, */*;q=0.1".to_owned()));
        if BETAS.contains(&request.template) {
            request.headers.push(("beta", "true".to_owned()));
        }
        let mut token = self.token(None, request.class).await?;
        let mut has_retried = false;
        loop {
            request.bearer = Some(token.token.clone());
            let sent = self.send(request.clone()).await;
            let response = sent.map_err(|error| Error::from_port(operation, error))?;
            let may_be_stale = match response.status {
                401 => true,
                // A token keeps the rights that it was given with. One from the store may be older than the right.
                403 => Problem::read(&response.body).is_vendors && !self.has_logged_in(),
                _ => false,
            };
            // A missing right looks like a refused token: after one new token, or when none is to be had now, it is the answer.
            if may_be_stale && !has_retried {
                has_retried = true;
                if let Ok(fresh) = self.token(Some(&token), request.class).await {
                    token = fresh;
                    continue;
                }
            }
            if self.repeats_secret(&token, &response) {
                let message = "the vendor's answer repeats a secret of this connection, so it was dropped";
                return Err(Error::new(ErrorKind::Protocol, operation, message));
            }
            return Ok(response);
        }
    }
}
