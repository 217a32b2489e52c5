//! Creating answers, and giving the first one again for a repeated request.

use std::str::FromStr;

use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
};
use gangway_app::idempotency::{self, Begun, Caller, Claim};
use gangway_domain::Code;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    answer::etag,
    extract::IdempotencyKey,
    problem::{Problem, Result},
};

/// The answer to a creating request.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Created {
    status: u16,
    location: Option<String>,
    version: Option<i64>,
    body: Value,
    /// Left out when the answer is repeated, since it is shown only once.
    #[serde(skip)]
    secret: Option<(&'static str, String)>,
}

impl Created {
    /// 201 with the new object's address.
    pub(crate) fn at(location: String, version: Option<i64>, view: &impl Serialize) -> Result<Self> {
        Self::with_status(StatusCode::CREATED, Some(location), version, view)
    }

    /// 202: the work goes on, to be watched at the address.
    pub(crate) fn accepted(location: String, view: &impl Serialize) -> Result<Self> {
        Self::with_status(StatusCode::ACCEPTED, Some(location), None, view)
    }

    fn with_status(
        status: StatusCode,
        location: Option<String>,
        version: Option<i64>,
        view: &impl Serialize,
    ) -> Result<Self> {
        let body = serde_json::to_value(view).map_err(gangway_app::Error::internal)?;
        Ok(Self { status: status.as_u16(), location, version, body, secret: None })
    }

    /// Adds a member that is shown this time only.
    pub(crate) fn with_secret(mut self, member: &'static str, secret: String) -> Self {
        self.secret = Some((member, secret));
        self
    }

    fn into_response(self) -> HttpResponse {
        let Self { status, location, version, mut body, secret } = self;
        let mut response = HttpResponse::build(StatusCode::from_u16(status).unwrap_or(StatusCode::OK));
        if let Some(location) = location {
            response.insert_header((header::LOCATION, location));
        }
        if let Some(version) = version {
            response.insert_header((header::ETAG, etag(version)));
        }
        if let (Some((member, secret)), Some(object)) = (secret, body.as_object_mut()) {
            object.insert(member.to_owned(), secret.into());
        }
        response.json(body)
    }
}

/// Carries out a creating request once per idempotency key: `work` does it, and `again` reads what it made when the answer was lost.
///
/// The work goes on when the client hangs up: a client that lost its answer repeats the request to get it.
pub(crate) async fn once<C: Caller, I: FromStr + 'static>(
    caller: C,
    route: &'static str,
    key: IdempotencyKey,
    body: &[u8],
    work: impl AsyncFnOnce(C) -> Result<Created> + 'static,
    again: impl AsyncFnOnce(C, I) -> Result<Created>,
) -> Result<HttpResponse> {
    let Some(key) = key.0 else { return work(caller).await.map(Created::into_response) };
    let claim = match idempotency::begin(&caller, route, &key, body).await? {
        Begun::New(claim) => claim,
        Begun::Repeat { status: _, answer } => {
            return Ok(repeated(serde_json::from_slice(&answer).map_err(gangway_app::Error::internal)?));
        }
        Begun::Made { claim, object } => {
            let object = object.parse().map_err(|_| gangway_app::Error::internal("what a request made has no id"))?;
            let created = again(caller.reading_what_it_made(), object).await.map_err(gone)?;
            keep(claim, &created).await?;
            return Ok(repeated(created));
        }
    };
    let working = actix_web::rt::spawn(async move {
        match work(caller.claiming(&claim)).await {
            Ok(created) => {
                keep(claim, &created).await?;
                Ok(created)
            }
            Err(problem) => {
                claim.forget().await?;
                Err(problem)
            }
        }
    });
    let lost = |_| Problem::new(Code::Internal, gangway_app::INTERNAL);
    working.await.map_err(lost)?.map(Created::into_response)
}

fn gone(problem: Problem) -> Problem {
    if problem.code != Code::NotFound {
        return problem;
    }
    Problem::new(
        Code::IdempotencyGone,
        "The first request with this idempotency key made something that is gone; use a new key to make another.",
    )
}

async fn keep(claim: Claim, created: &Created) -> Result<()> {
    let stored = serde_json::to_vec(created).map_err(gangway_app::Error::internal)?;
    Ok(claim.complete(created.status, &stored).await?)
}

fn repeated(created: Created) -> HttpResponse {
    let mut response = created.into_response();
    let (name, value) = ("idempotency-replayed", "true");
    response.headers_mut().insert(header::HeaderName::from_static(name), header::HeaderValue::from_static(value));
    response
}
