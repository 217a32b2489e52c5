//! What happens around every request.

mod authenticate;
mod frame;

pub(crate) use authenticate::{Identity, authenticate};
pub(crate) use frame::frame;
