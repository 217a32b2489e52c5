//! Changes an administrator makes: checked, applied to the world, and noted so that a restart can repeat them.

mod check;
mod people;
mod records;
mod switches;

use serde_json::{Map, Value};

use crate::store::StateError;

/// Why a change was not made.
#[derive(Debug, thiserror::Error)]
pub enum Rejected {
    /// There is nothing with this id.
    #[error("there is no {what} with the id {id}")]
    NotFound {
        /// `person`, `absence` or `attendance`.
        what: &'static str,
        /// The id.
        id: u64,
    },
    /// A value is not what the field holds.
    #[error("{field}: {problem}")]
    Invalid {
        /// The field.
        field: String,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// The change holds until the sandbox ends, but could not be written down.
    #[error("the change was made but not kept")]
    NotKept(#[source] StateError),
}

impl Rejected {
    pub(crate) fn invalid(field: &str, problem: impl Into<String>) -> Self {
        Self::Invalid { field: field.to_owned(), problem: problem.into() }
    }

    pub(crate) fn status(&self) -> u16 {
        match self {
            Self::NotFound { .. } => 404,
            Self::Invalid { .. } => 422,
            Self::NotKept(_) => 500,
        }
    }
}

fn fields(body: &Value) -> Result<&Map<String, Value>, Rejected> {
    body.as_object().ok_or_else(|| Rejected::invalid("body", "must be a JSON object with the fields to set"))
}

#[cfg(test)]
mod tests;
