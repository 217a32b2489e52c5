//! The runners, one file per job, named like its payload's file in `app::jobs`.

mod prune;
mod rotate_keys;
mod run_sync;
