//! The associated data that ties a sealed value to its place.
//!
//! Each part is length-prefixed, so that no two places share an encoding however their names are cut.

use gangway_domain::id::{DataKeyId, TenantId};
use uuid::Uuid;

/// Where a sealed value belongs. It opens only with exactly these parts and the key it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aad<'a> {
    /// Tenant that owns the value.
    pub tenant: TenantId,
    /// Kind of the object, for example `credential`. Stable once used.
    pub kind: &'a str,
    /// The object that holds the value.
    pub object: Object<'a>,
    /// Field of the object, for example `secret`. Stable once used.
    pub field: &'a str,
}

/// Identity of the object that holds a sealed value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Object<'a> {
    /// An object with an id of ours.
    Id(Uuid),
    /// An object known by a text.
    Name(&'a str),
}

impl<'a> Aad<'a> {
    /// Names the place of a value; typed ids are passed as `id.uuid()`.
    pub fn new(tenant: TenantId, kind: &'a str, object: impl Into<Object<'a>>, field: &'a str) -> Self {
        Self { tenant, kind, object: object.into(), field }
    }

    pub(crate) fn encode(&self, key: DataKeyId) -> Vec<u8> {
        let Self { tenant, kind, object, field } = self;
        let (object_type, object): (&[u8], &[u8]) = match object {
            Object::Id(id) => (b"id", id.as_bytes()),
            Object::Name(name) => (b"name", name.as_bytes()),
        };
        length_prefixed(&[
            b"gangway/sealed/v1",
            tenant.uuid().as_bytes(),
            kind.as_bytes(),
            object_type,
            object,
            field.as_bytes(),
            key.uuid().as_bytes(),
        ])
    }
}

impl From<Uuid> for Object<'_> {
    fn from(id: Uuid) -> Self {
        Self::Id(id)
    }
}

impl<'a> From<&'a str> for Object<'a> {
    fn from(name: &'a str) -> Self {
        Self::Name(name)
    }
}

/// Joins parts so that the result determines them.
pub(crate) fn length_prefixed(parts: &[&[u8]]) -> Vec<u8> {
    let mut joined = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
    for part in parts {
        joined.extend_from_slice(&(part.len() as u64).to_be_bytes());
        joined.extend_from_slice(part);
    }
    joined
}
