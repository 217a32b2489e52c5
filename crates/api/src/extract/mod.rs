//! What handlers take: a permitted context, ids of the path, parameters, a body, preconditions.
//!
//! Each fails with a problem, in this order: who (middleware), may they, which object, what.

mod authorized;
mod body;
mod headers;
mod members;
mod moment;
mod params;
mod path;
mod rest;
pub(crate) mod shape;

pub(crate) use authorized::{
    AuditRead, Authorized, AuthorizedOperator, ConnectionsRead, ConnectionsWrite, KeysWrite, Permitted, ProxyRead,
    RecordsRead, TenantsWrite,
};
pub(crate) use body::Body;
pub(crate) use headers::{IdempotencyKey, IfMatch};
pub(crate) use moment::{DAY, MOMENT, day, moment, moment_or_null};
pub(crate) use params::{FromParams, PageQuery, Params, Query, WidePageParams, WidePageQuery};
pub(crate) use path::{PathId, PathText};
