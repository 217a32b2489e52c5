//! Rows as sea-orm sees them. Private to this crate: repositories answer domain types.

pub(crate) mod api_key;
pub(crate) mod attribute;
pub(crate) mod audit_entry;
pub(crate) mod connection;
pub(crate) mod credential;
pub(crate) mod data_key;
pub(crate) mod deployment;
pub(crate) mod event;
pub(crate) mod office;
pub(crate) mod quarantined_record;
pub(crate) mod record;
pub(crate) mod sync;
pub(crate) mod sync_run;
pub(crate) mod tenant;
