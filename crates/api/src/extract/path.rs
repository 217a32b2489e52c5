//! Ids in paths. What is no id of the wanted kind names nothing: 404, as for another tenant's.

use std::str::FromStr;

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use futures::future::{LocalBoxFuture, ready};
use gangway_domain::id::TypedId;

use super::rest;
use crate::problem::{Problem, Result};

/// The id in a path.
pub(crate) struct PathId<I>(pub(crate) I);

impl<I: TypedId + FromStr> FromRequest for PathId<I> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let Some(id) = request.match_info().get("id").and_then(|text| text.parse().ok()) else {
            return Box::pin(ready(Err(Problem::not_found("object"))));
        };
        let rest = rest::refuse(request, payload);
        Box::pin(async move { rest.await.map(|()| Self(id)) })
    }
}

/// A plain name in a path.
pub(crate) struct PathText(pub(crate) String);

impl FromRequest for PathText {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let Some(text) = request.match_info().get("id").map(str::to_owned) else {
            return Box::pin(ready(Err(Problem::not_found("object"))));
        };
        let rest = rest::refuse(request, payload);
        Box::pin(async move { rest.await.map(|()| Self(text)) })
    }
}
