//! The behaviour suite of `gangway-testkit`, run for every connector against its sandbox. A connector adds a folder.

mod personio;
