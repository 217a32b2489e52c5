//! Typed identifiers: a `UUIDv7` inside, a prefix and 32 hexadecimal digits on the wire (`con_0192…`).
//!
//! The prefix makes a pasted id explain itself and lets a wrong kind be refused before any query. Making a new id needs
//! an explicit time and random bits, so that tests repeat; `app::Ctx` hands them out.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

/// The text is not an id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an id like `{prefix}_` followed by 32 hexadecimal digits")]
pub struct ParseIdError {
    /// Prefix of the kind that was asked for.
    pub prefix: &'static str,
}

/// Builds a `UUIDv7` from a time and 74 random bits.
#[must_use]
pub fn uuid_v7(at: DateTime<Utc>, random: [u8; 10]) -> Uuid {
    let millis = u64::try_from(at.timestamp_millis()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

/// The same, but one that comes after `last`, whatever the time is: where the clock went back, the next millisecond after it.
#[must_use]
pub fn uuid_v7_after(last: Option<Uuid>, at: DateTime<Utc>, random: [u8; 10]) -> Uuid {
    let fresh = uuid_v7(at, random);
    match last {
        Some(last) if fresh <= last => {
            let millis = u64::try_from(last.as_u128() >> 80).unwrap_or(0);
            uuid::Builder::from_unix_timestamp_millis(millis.saturating_add(1), &random).into_uuid()
        }
        _ => fresh,
    }
}

/// What all typed ids share.
pub trait TypedId: Copy + fmt::Display + Send + Sync + 'static {
    /// Prefix on the wire, without the underscore.
    const PREFIX: &'static str;
    /// Wraps a stored UUID.
    fn from_uuid(uuid: Uuid) -> Self;
    /// The stored UUID.
    fn uuid(self) -> Uuid;
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Uuid);

        impl $name {
            /// Prefix on the wire, without the underscore.
            pub const PREFIX: &'static str = $prefix;
            /// Wraps a stored UUID.
            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self { Self(uuid) }
            /// The stored UUID.
            #[must_use]
            pub const fn uuid(self) -> Uuid { self.0 }
            /// A new id for this time and these random bits.
            #[must_use]
            pub fn new(at: DateTime<Utc>, random: [u8; 10]) -> Self { Self(uuid_v7(at, random)) }
        }
        impl TypedId for $name {
            const PREFIX: &'static str = $prefix;
            fn from_uuid(uuid: Uuid) -> Self { Self(uuid) }
            fn uuid(self) -> Uuid { self.0 }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write!(f, "{}_{}", $prefix, self.0.as_simple()) }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { fmt::Display::fmt(self, f) }
        }
        impl FromStr for $name {
            type Err = ParseIdError;
            fn from_str(text: &str) -> Result<Self, ParseIdError> { parse($prefix, text).map(Self) }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> { serializer.collect_str(self) }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }
    )*};
}

fn parse(prefix: &'static str, text: &str) -> Result<Uuid, ParseIdError> {
    let error = ParseIdError { prefix };
    let digits = text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_')).ok_or(error.clone())?;
    let lower = digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if lower { Uuid::try_parse(digits).map_err(|_| error) } else { Err(error) }
}

ids! {
    /// A customer of the operator.
    TenantId = "ten";
    /// An API key.
    KeyId = "key";
    /// A console user.
    UserId = "usr";
    /// A tenant's configured use of a connector.
    ConnectionId = "con";
    /// One version of a connection's secret.
    CredentialId = "crd";
    /// A discovered attribute of a connection.
    AttributeId = "atr";
    /// The standing order to keep a stream fresh.
    SyncId = "syn";
    /// One execution of a sync.
    SyncRunId = "run";
    /// An employee record.
    EmployeeId = "emp";
    /// An absence record.
    AbsenceId = "abs";
    /// An attendance record.
    AttendanceId = "att";
    /// A person (identity), apart from any employee record.
    PersonId = "per";
    /// A fact in a tenant's log.
    EventId = "evt";
    /// A queued job.
    JobId = "job";
    /// A sealing data key.
    DataKeyId = "dek";
    /// An audit entry.
    AuditId = "aud";
    /// One HTTP request to our API.
    RequestId = "req";
    /// A vendor record that could not be read.
    QuarantineId = "qua";
}

/// The reserved tenant for work that belongs to no customer (platform jobs).
pub const PLATFORM_TENANT: TenantId = TenantId::from_uuid(Uuid::nil());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_through_its_wire_form() {
        let id = ConnectionId::new(DateTime::UNIX_EPOCH, [7; 10]);
        assert_eq!(id.to_string().parse::<ConnectionId>().unwrap(), id);
        assert!(id.to_string().starts_with("con_"));
    }

    #[test]
    fn sorts_by_creation_time_on_the_wire() {
        let early = SyncId::new(DateTime::from_timestamp(1_000, 0).unwrap(), [255; 10]);
        let late = SyncId::new(DateTime::from_timestamp(1_001, 0).unwrap(), [0; 10]);
        assert!(early.to_string() < late.to_string());
    }

    #[test]
    fn one_after_another_is_after_it_though_the_clock_went_back() {
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        let last = uuid_v7(at(2_000), [255; 10]);
        for now in [at(1_000), at(2_000)] {
            let next = uuid_v7_after(Some(last), now, [0; 10]);
            assert!(next > last && next < uuid_v7(at(2_001), [0; 10]), "{next}");
        }
        assert_eq!(uuid_v7_after(Some(last), at(3_000), [0; 10]), uuid_v7(at(3_000), [0; 10]));
        assert_eq!(uuid_v7_after(None, at(1_000), [0; 10]), uuid_v7(at(1_000), [0; 10]));
    }

    #[test]
    fn refuses_other_prefixes_cases_and_lengths() {
        let id = SyncId::new(DateTime::UNIX_EPOCH, [7; 10]).to_string();
        assert!(id.parse::<ConnectionId>().is_err());
        assert!(id.to_uppercase().parse::<SyncId>().is_err());
        assert!(id[..id.len() - 1].parse::<SyncId>().is_err());
        assert!("syn_".parse::<SyncId>().is_err());
        assert!("syn_é23456789012345678901234567890".parse::<SyncId>().is_err());
    }
}
