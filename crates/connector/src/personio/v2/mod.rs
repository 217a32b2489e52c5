//! Version 2 of the vendor's API: `OAuth2` client credentials, cursors in links, `application/problem+json`.
//!
//! It shares the credential and the readers of values with version 1, and nothing else: it has tokens, scopes, errors and
//! paging of its own. The way of an answer: [`client`] sends with a token and judges, [`attendance`] reads the periods, [`paging`]
//! decides about the next page.
//! Tokens are not revoked when a connection is deleted: the contract has no call for it, and they end within a day.

mod attendance;
mod authentication;
mod client;
mod paging;
mod problem;
mod scopes;

pub(super) use attendance::{probe, read, read_page};
pub(super) use client::Client;
pub(super) use paging::Position;
#[cfg(test)]
pub(super) use scopes::Area;
