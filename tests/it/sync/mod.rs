//! The sync engine on both databases, against a vendor that does what its test says.

mod account;
mod attributes;
mod choice;
mod confirm;
mod damaged;
mod failure;
mod incremental;
mod kept;
mod load;
mod locks;
mod odd;
mod quarantine;
mod records;
mod resume;
mod retry;
mod schedule;
mod sensitive;
mod support;
mod sweep;
mod told;
mod tries;
mod vendor;
