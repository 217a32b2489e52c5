//! Syncs and their runs.
