//! What a connection may read and write, as far as anybody knows before it is tried.

use serde::Serialize;

/// Whether something may be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Allowed {
    /// It was tried, or the vendor says so.
    Yes,
    /// It was refused, the vendor says so, or its API has no such call.
    No,
    /// Nobody says; it shows when it is tried.
    Unknown,
}

/// Whether something may be done, why not, and what to permit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Access {
    /// Whether.
    pub allowed: Allowed,
    /// Why not, or why nobody knows.
    pub reason: Option<String>,
    /// What to permit for it, in the words of the vendor's screens; none where no right would help.
    pub permission: Option<String>,
}

impl Access {
    /// It may be done.
    pub const fn yes() -> Self {
        Self { allowed: Allowed::Yes, reason: None, permission: None }
    }

    /// It may not.
    pub fn no(reason: impl Into<String>) -> Self {
        Self { allowed: Allowed::No, reason: Some(reason.into()), permission: None }
    }

    /// Nobody knows.
    pub fn unknown(reason: impl Into<String>) -> Self {
        Self { allowed: Allowed::Unknown, reason: Some(reason.into()), permission: None }
    }

    /// Sets what to permit.
    pub fn with_permission(mut self, permission: impl Into<String>) -> Self {
        self.permission = Some(permission.into());
        self
    }

    /// This, unless `by_itself` is not possible: a call that is not there helps no right.
    #[must_use]
    pub fn if_possible(&self, by_itself: Option<&str>) -> Self {
        by_itself.map_or_else(|| self.clone(), Self::no)
    }
}

/// What may be done with the records of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct WriteAccess {
    /// Making new ones.
    pub create: Access,
    /// Changing them.
    pub change: Access,
    /// Deleting them.
    pub delete: Access,
}

impl WriteAccess {
    /// The three together.
    pub const fn new(create: Access, change: Access, delete: Access) -> Self {
        Self { create, change, delete }
    }
}

/// What may be done with one canonical field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FieldAccess {
    /// The field.
    pub field: &'static str,
    /// The vendor's key of the attribute that feeds it, where there is one to permit.
    pub attribute: Option<String>,
    /// Reading it.
    pub read: Access,
    /// Writing it with a new record.
    pub create: Access,
    /// Changing it.
    pub change: Access,
}

impl FieldAccess {
    /// A field that no attribute feeds.
    pub const fn new(field: &'static str, read: Access, create: Access, change: Access) -> Self {
        Self { field, attribute: None, read, create, change }
    }

    /// Names the attribute that feeds it.
    pub fn with_attribute(mut self, key: impl Into<String>) -> Self {
        self.attribute = Some(key.into());
        self
    }
}
