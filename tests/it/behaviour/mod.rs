//! The behaviour suite of `gangway-testkit`, run for every connector against its sandbox. A connector adds a folder.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the lints' own exemption ends at test functions' helpers"
)]

mod personio;
