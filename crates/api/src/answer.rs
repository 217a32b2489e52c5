//! Good answers: objects with their version, pages of a listing, nothing.

use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
};
use gangway_app::Page;
use serde::Serialize;
use utoipa::ToSchema;

/// One page of a listing.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Listing<T> {
    /// The rows.
    data: Vec<T>,
    /// Give it as `after` to get the next page; null on the last.
    #[schema(required)]
    next: Option<String>,
}

impl<T: Serialize> Listing<T> {
    /// A page, with a cursor made from its last row when rows follow.
    pub(crate) fn of<M>(page: Page<M>, view: impl FnMut(M) -> T, cursor: impl FnOnce(&M) -> String) -> HttpResponse {
        let Page { items, has_more } = page;
        let next = if has_more { items.last().map(cursor) } else { None };
        HttpResponse::Ok().json(Self { data: items.into_iter().map(view).collect(), next })
    }

    /// A part of a listing, and the cursor of the next.
    pub(crate) fn part(data: Vec<T>, next: Option<String>) -> HttpResponse {
        HttpResponse::Ok().json(Self { data, next })
    }

    /// A whole listing.
    pub(crate) fn whole(data: Vec<T>) -> HttpResponse {
        Self::part(data, None)
    }
}

/// An object with its version as a strong `ETag`.
pub(crate) fn versioned(version: i64, view: &impl Serialize) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::ETAG, etag(version))).json(view)
}

/// An object without a version.
pub(crate) fn plain(view: &impl Serialize) -> HttpResponse {
    HttpResponse::Ok().json(view)
}

/// Done, nothing to show.
pub(crate) fn nothing() -> HttpResponse {
    HttpResponse::new(StatusCode::NO_CONTENT)
}

/// The strong tag of a version.
pub(crate) fn etag(version: i64) -> String {
    format!("\"v{version}\"")
}
