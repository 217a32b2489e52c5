//! What happens around every request.

mod authenticate;
mod frame;
mod measured;

pub(crate) use authenticate::{Identity, authenticate};
pub(crate) use frame::frame;
