//! Who sends a request: the key is recognised before anything else of the request is read.

use std::net::{IpAddr, Ipv4Addr};

use actix_web::{
    Error, HttpMessage, HttpResponse, ResponseError as _,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{StatusCode, header},
    middleware::Next,
    web,
};
use gangway_app::{
    Ctx, OperatorCtx, audit,
    keys::{self, Authenticated},
};
use gangway_domain::{
    Code,
    id::{RequestId, TenantId},
};
use gangway_metrics::bounded;
use tracing::Span;

use crate::{
    problem::{Problem, Result},
    quotas::{Counted, Side},
    server::State,
};

/// Header in which an operator names the tenant to act for.
const TENANT_HEADER: &str = "gangway-tenant";

/// Who sends a request.
#[derive(Debug, Clone)]
pub(crate) enum Identity {
    /// An operator, for no tenant in particular.
    Operator(OperatorCtx),
    /// An operator who acts for a tenant.
    OperatorFor(OperatorCtx, Ctx),
    /// Somebody of a tenant.
    Tenant(Ctx),
}

/// Recognises the sender, or ends the request.
pub(crate) async fn authenticate(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> std::result::Result<ServiceResponse<BoxBody>, Error> {
    let identity = match admit(&request).await {
        Ok(identity) => identity,
        // An answer rather than an error, so that the frame knows which request it belongs to.
        // (`into_response` would lose the error on the way.)
        Err(problem) => {
            let (request, _) = request.into_parts();
            return Ok(ServiceResponse::new(request, HttpResponse::from_error(problem)));
        }
    };
    request.extensions_mut().insert(identity);
    next.call(request).await.map(ServiceResponse::map_into_boxed_body)
}

/// Recognises the sender, and writes down when an operator acts for a tenant.
async fn admit(request: &ServiceRequest) -> Result<Identity> {
    let identity = identify(request).await?;
    if let Identity::Tenant(ctx) | Identity::OperatorFor(_, ctx) = &identity {
        Span::current().record("tenant.id", tracing::field::display(ctx.tenant()));
    }
    if let Identity::OperatorFor(_, ctx) = &identity {
        // A method is any text of the sender's, and the log is for ever.
        let route = request.match_pattern().unwrap_or_else(|| "none".to_owned());
        audit::record_operator_access(ctx, bounded::method(request.method().as_str()), &route).await?;
    }
    Ok(identity)
}

async fn identify(request: &ServiceRequest) -> Result<Identity> {
    let (Some(state), Some(id)) =
        (request.app_data::<web::Data<State>>().cloned(), request.extensions().get::<RequestId>().copied())
    else {
        return Err(Problem::of_status(StatusCode::INTERNAL_SERVER_ERROR));
    };
    let authenticated = recognise(request, &state).await?;
    let tenant = named_tenant(request)?;
    match (authenticated, tenant) {
        (Authenticated::Tenant(ctx), Some(tenant)) if tenant != ctx.tenant() => Err(no_tenant()),
        (Authenticated::Tenant(ctx), _) => Ok(Identity::Tenant(ctx.with_request(id))),
        (Authenticated::Operator(operator), None) => Ok(Identity::Operator(operator.with_request(id))),
        (Authenticated::Operator(operator), Some(tenant)) => {
            let operator = operator.with_request(id);
            let ctx = operator.for_tenant(tenant).await?;
            Ok(Identity::OperatorFor(operator, ctx))
        }
    }
}

/// Recognises the key, and counts the request: for the key when it is good, else for the address.
async fn recognise(request: &ServiceRequest, state: &State) -> Result<Authenticated> {
    let limiter = &state.limiter;
    let note = |(told, outcome): Counted| {
        if let Some(told) = told {
            request.extensions_mut().insert(told);
        }
        outcome
    };
    let address = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
    let text = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(bearer);
    let found = match text.map(|text| (text, keys::fingerprint(text))) {
        None => Err(Problem::new(Code::KeyMissing, "Send `Authorization: Bearer gw…` with an API key.")),
        Some((_, Err(error))) => Err(error.into()),
        Some((text, Ok(key))) => {
            note(limiter.admit(&key, address))?;
            match keys::authenticate(&state.app, text).await {
                Ok(found) => Ok((key, found)),
                // The key is good: who holds it is no stranger.
                Err(error) if error.code == Code::TenantSuspended => {
                    note(limiter.count_key(key, Side::Tenant))?;
                    return Err(error.into());
                }
                Err(error) => {
                    if error.code == Code::KeyInvalid {
                        limiter.forget(&key);
                    }
                    Err(error.into())
                }
            }
        }
    };
    match found {
        Ok((key, found)) => {
            let side = match found {
                Authenticated::Operator(_) => Side::Operator,
                Authenticated::Tenant(_) => Side::Tenant,
            };
            note(limiter.count_key(key, side))?;
            Ok(found)
        }
        // What is wrong with us is not the stranger's.
        Err(problem) if problem.status_code().is_server_error() => Err(problem),
        Err(problem) => {
            note(limiter.count_stranger(address))?;
            Err(problem)
        }
    }
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, text) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(text.trim())
}

fn named_tenant(request: &ServiceRequest) -> Result<Option<TenantId>> {
    let mut values = request.headers().get_all(TENANT_HEADER);
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Problem::malformed("The header `Gangway-Tenant` may stand in a request once."));
    }
    value
        .to_str()
        .ok()
        .and_then(|text| text.parse().ok())
        .map(Some)
        .ok_or_else(|| Problem::malformed("The header `Gangway-Tenant` must be a tenant's id such as `ten_…`."))
}

fn no_tenant() -> Problem {
    Problem::new(Code::NotFound, "There is no such tenant.")
}
