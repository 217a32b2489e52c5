//! Version 2 of the vendor's API: `OAuth2` client credentials, cursors in links, `application/problem+json`.
//!
//! It shares the credential and the readers of values with version 1, and nothing else: it has tokens, scopes, errors and
//! paging of its own. The way of an answer: [`client`] sends with a token and judges, [`list`] asks for a page, [`employee`],
//! [`absence`] and [`attendance`] read its items, [`paging`] decides about the next page. What a record needs of other answers is kept in its
//! bytes by [`added`]. [`webhooks`] has the vendor tell of changes.
//! [`revocation`] gives a token back.

pub(super) mod absence;
pub(super) mod absence_type;
mod added;
pub(super) mod attendance;
mod authentication;
mod breakdown;
mod call;
mod client;
pub(super) mod employee;
mod list;
mod paging;
mod pass;
mod person;
mod problem;
mod revocation;
mod scopes;
mod units;
mod value;
mod webhooks;
pub(super) mod write;

pub(super) use client::Client;
pub(super) use paging::Position;
pub(super) use scopes::{Access, Area, Scopes};
pub(super) use webhooks::MANIFEST as WEBHOOKS;
