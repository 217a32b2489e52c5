//! Secrets and sensitive values put through every flow appear nowhere in clear: no log, span, error, job, row, file or
//! write-ahead log, in no encoding. Leaks that are planted are found, so that a blind search would be noticed.

mod binary;
pub(crate) mod collector;
mod flows;
mod planted;
mod search;
mod stage;
mod values;
mod wrong_turns;
