//! The runners, one file per job, named like its payload's file in `app::jobs`.

mod apply_choice;
mod chain_audit;
mod prune;
mod release_held;
mod remap_records;
mod resume_jobs;
mod rotate_keys;
mod run_sync;
