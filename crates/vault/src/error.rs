//! What can go wrong with keys and sealed values. No variant carries key material or plaintext.

use gangway_domain::id::DataKeyId;

use crate::MasterKeyId;

/// Why a key or a sealed value was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A configured master key is unusable; the operator must correct the setting.
    #[error("{which} {problem}; make one with `openssl rand -base64 32`")]
    MasterKey {
        /// Which of the configured keys, in words an operator recognises.
        which: String,
        /// What is wrong with it.
        problem: MasterKeyProblem,
    },
    /// The data key was wrapped by a master key that is not on the ring.
    #[error("the data key is wrapped by master key {0}, which is neither the current nor a previous master key")]
    UnknownMasterKey(MasterKeyId),
    /// The text is not the id of a master key.
    #[error("expected the id of a master key: 16 hexadecimal digits")]
    MasterKeyId,
    /// The wrapped data key is damaged or belongs to another tenant or id.
    #[error("the wrapped data key does not open: it is damaged or belongs to another tenant")]
    Unwrap,
    /// The bytes are not a sealed value that this version can read.
    #[error("the bytes are not a sealed value of a known version")]
    Envelope,
    /// The value names a data key that its tenant does not have.
    #[error(
        "the value is sealed with data key {0}, which its tenant does not have; restore that key's row from a backup"
    )]
    UnknownDataKey(DataKeyId),
    /// The value was sealed with another data key.
    #[error("the value is sealed with data key {sealed}, not with {offered}")]
    OtherDataKey {
        /// Key named by the sealed value.
        sealed: DataKeyId,
        /// Key that was asked to open it.
        offered: DataKeyId,
    },
    /// The value is damaged or was sealed for another tenant, object or field.
    #[error("the sealed value does not open: it is damaged or belongs to another tenant, object or field")]
    Open,
    /// A stored key has the wrong length.
    #[error("a stored {what} must have {expected} bytes but has {found}")]
    KeyLength {
        /// Kind of key.
        what: &'static str,
        /// Length it must have.
        expected: usize,
        /// Length it has.
        found: usize,
    },
}

/// What is wrong with a configured master key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MasterKeyProblem {
    /// Nothing but white space.
    #[error("is empty")]
    Empty,
    /// Not base64.
    #[error("is not base64")]
    NotBase64,
    /// Base64 of the wrong number of bytes.
    #[error("decodes to {0} bytes instead of 32")]
    Length(usize),
    /// All bytes are equal, so nobody drew it at random.
    #[error("is not random: all its bytes are equal")]
    NotRandom,
}
