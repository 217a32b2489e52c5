//! Permission in the signature: a handler that takes `Authorized<ConnectionsWrite>` runs only for keys that may.

use std::marker::PhantomData;

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload};
use futures::future::{LocalBoxFuture, ready};
use gangway_app::{App, Ctx, OperatorCtx};
use gangway_domain::{Code, principal::Scope};

use super::rest;
use crate::{
    middleware::Identity,
    problem::{Problem, Result},
};

/// What a handler asks of a key.
pub(crate) trait Permission: 'static {
    const SCOPE: Scope;
}

macro_rules! permissions {
    ($($name:ident;)*) => {$(
        #[derive(Debug)]
        pub(crate) struct $name;
        impl Permission for $name {
            const SCOPE: Scope = Scope::$name;
        }
    )*};
}

permissions! {
    TenantsWrite;
    AuditRead;
    ProxyRead;
    KeysWrite;
    ConnectionsRead;
    ConnectionsWrite;
    RecordsRead;
}

/// A context within one tenant, with the permission.
pub(crate) struct Authorized<P> {
    pub(crate) ctx: Ctx,
    permission: PhantomData<P>,
}

/// An operator's context, with the permission.
pub(crate) struct AuthorizedOperator<P> {
    pub(crate) ctx: OperatorCtx,
    permission: PhantomData<P>,
}

/// Anybody with the permission, for what is the same in every tenant.
pub(crate) struct Permitted<P> {
    pub(crate) app: App,
    permission: PhantomData<P>,
}

impl<P: Permission> FromRequest for Authorized<P> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let permitted = identity(request).and_then(|identity| match identity {
            Identity::Tenant(ctx) | Identity::OperatorFor(_, ctx) => {
                ctx.require(P::SCOPE)?;
                Ok(Self { ctx, permission: PhantomData })
            }
            Identity::Operator(_) => Err(Problem::new(
                Code::TenantRequired,
                "An operator's key must name the tenant to act for in the header `Gangway-Tenant: ten_…`.",
            )),
        });
        and_nothing_else(permitted, request, payload)
    }
}

impl<P: Permission> FromRequest for AuthorizedOperator<P> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let permitted = identity(request).and_then(|identity| match identity {
            Identity::Operator(ctx) | Identity::OperatorFor(ctx, _) => {
                ctx.require(P::SCOPE)?;
                Ok(Self { ctx, permission: PhantomData })
            }
            Identity::Tenant(_) => {
                Err(Problem::new(Code::KeyForbidden, "This route is for operators; a tenant's key may not use it."))
            }
        });
        and_nothing_else(permitted, request, payload)
    }
}

impl<P: Permission> FromRequest for Permitted<P> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let permitted = identity(request).and_then(|identity| {
            let app = match &identity {
                Identity::Tenant(ctx) | Identity::OperatorFor(_, ctx) => {
                    ctx.require(P::SCOPE)?;
                    ctx.app()
                }
                Identity::Operator(ctx) => {
                    ctx.require(P::SCOPE)?;
                    ctx.app()
                }
            };
            Ok(Self { app: app.clone(), permission: PhantomData })
        });
        and_nothing_else(permitted, request, payload)
    }
}

/// Then looks at the rest of the request, where no id in the path comes first.
fn and_nothing_else<T: 'static>(
    permitted: Result<T>,
    request: &HttpRequest,
    payload: &mut Payload,
) -> LocalBoxFuture<'static, Result<T>> {
    if permitted.is_err() || rest::names_object(request) {
        return Box::pin(ready(permitted));
    }
    let rest = rest::refuse(request, payload);
    Box::pin(async move {
        rest.await?;
        permitted
    })
}

/// Put there by the middleware; a route outside of it has none.
fn identity(request: &HttpRequest) -> Result<Identity> {
    request
        .extensions()
        .get::<Identity>()
        .cloned()
        .ok_or_else(|| Problem::new(Code::KeyMissing, "Send `Authorization: Bearer gw…` with an API key."))
}
