//! The Personio connector against the Personio sandbox: the suite in every variant of the vendor, then what only this
//! vendor does.

mod answers;
mod dialects;
mod emulator;
mod endpoints;
mod limits;
mod oracle;
mod suite;
mod version_2;
mod webhooks;
mod writes;
