//! Ids in paths. What is no id of the wanted kind names nothing: 404, as for another tenant's.

use std::str::FromStr;

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use futures::future::{Ready, ready};
use gangway_domain::id::TypedId;

use crate::problem::{Problem, Result};

/// The id in a path.
pub(crate) struct PathId<I>(pub(crate) I);

impl<I: TypedId + FromStr> FromRequest for PathId<I> {
    type Error = Problem;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let id = request.match_info().get("id").and_then(|text| text.parse().ok());
        ready(id.map(Self).ok_or_else(|| Problem::not_found("object")))
    }
}

/// A plain name in a path.
pub(crate) struct PathText(pub(crate) String);

impl FromRequest for PathText {
    type Error = Problem;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(
            request
                .match_info()
                .get("id")
                .map(|text| Self(text.to_owned()))
                .ok_or_else(|| Problem::not_found("object")),
        )
    }
}
