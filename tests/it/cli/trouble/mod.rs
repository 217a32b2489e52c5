//! Trouble with what a serving process stands on: its database goes away or is locked, its disk is full, or it is told to end.
//! Nobody gets a 500, nothing that was answered is lost, and afterwards everything goes on by itself.

mod crash;
mod full;
mod locked;
pub(super) mod stage;
mod told_to_end;
