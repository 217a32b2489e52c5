//! API keys: `gwo_…` for operators, `gwt_…` for tenants; 256 random bits and a checksum in base32.
//!
//! The checksum tells a typing mistake from a revoked key without a query, and lets scanners of source code recognise a
//! leak. A key is shown once and stored only as [`hash`]; with 256 random bits a plain SHA-256 can't be searched.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::random::random_bytes;

const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
const SECRET_LENGTH: usize = 32;
const CHECKSUM_LENGTH: usize = 4;
/// 36 bytes are 288 bits; 58 digits of 5 bits hold them with two bits left over, which must be zero.
const N_DIGITS: usize = ((SECRET_LENGTH + CHECKSUM_LENGTH) * 8).div_ceil(5);

/// Whom a key speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The operator of the deployment.
    Operator,
    /// One tenant.
    Tenant,
}

/// A key whose form and checksum are right. Whether it is known and valid only the database can say.
pub struct ParsedKey {
    kind: Kind,
    secret: Zeroizing<[u8; SECRET_LENGTH]>,
}

/// Why a text is not an API key. The text itself is never repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Neither `gwo_` nor `gwt_`.
    #[error("an API key begins with `gwo_` or `gwt_`")]
    Prefix,
    /// Cut off or too long.
    #[error("an API key has {N_DIGITS} characters after its prefix, not {0}")]
    Length(usize),
    /// A character that no key has.
    #[error("an API key has only the characters a-z and 2-7 after its prefix")]
    Character,
    /// Mistyped.
    #[error("the checksum of the API key is wrong: it was mistyped or altered")]
    Checksum,
}

impl Kind {
    /// What keys of this kind begin with, without the underscore.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Operator => "gwo",
            Self::Tenant => "gwt",
        }
    }
}

impl ParsedKey {
    /// Whom the key speaks for.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The first characters, by which a person recognises a key in a list; they are too few to help a guesser.
    pub fn hint(&self) -> String {
        encode(self.kind, &self.secret).chars().take(8).collect()
    }
}

impl fmt::Debug for ParsedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParsedKey").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// Draws a new key from the operating system's generator.
pub fn generate(kind: Kind) -> SecretString {
    encode(kind, &random_bytes()).as_str().into()
}

/// Reads a key as a client sent it.
pub fn parse(text: &str) -> Result<ParsedKey, ParseError> {
    let (kind, digits) = [Kind::Operator, Kind::Tenant]
        .into_iter()
        .find_map(|kind| Some((kind, text.strip_prefix(kind.prefix())?.strip_prefix('_')?)))
        .ok_or(ParseError::Prefix)?;
    let bytes = decode(digits)?;
    let (secret, sum) = bytes.split_first_chunk::<SECRET_LENGTH>().ok_or(ParseError::Checksum)?;
    let secret = Zeroizing::new(*secret);
    if sum != checksum(kind, &secret) {
        return Err(ParseError::Checksum);
    }
    Ok(ParsedKey { kind, secret })
}

/// Reads a key from a secret text.
pub fn parse_secret(text: &SecretString) -> Result<ParsedKey, ParseError> {
    parse(text.expose_secret())
}

/// What is stored of a key and looked up by.
pub fn hash(key: &ParsedKey) -> [u8; 32] {
    digest("gangway/api-key/v1\0", key.kind, &key.secret)
}

fn checksum(kind: Kind, secret: &[u8; SECRET_LENGTH]) -> [u8; CHECKSUM_LENGTH] {
    let digest = digest("gangway/api-key-checksum/v1\0", kind, secret);
    let (sum, _) = digest.split_first_chunk().expect("a digest of 32 bytes begins with 4");
    *sum
}

fn digest(label: &str, kind: Kind, secret: &[u8; SECRET_LENGTH]) -> [u8; 32] {
    Sha256::new().chain_update(label).chain_update(kind.prefix()).chain_update(secret).finalize().into()
}

fn encode(kind: Kind, secret: &[u8; SECRET_LENGTH]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(4 + N_DIGITS));
    text.push_str(kind.prefix());
    text.push('_');
    let (mut pending, mut n_bits) = (0_u32, 0_u32);
    for byte in secret.iter().copied().chain(checksum(kind, secret)) {
        pending = (pending << 8) | u32::from(byte);
        n_bits += 8;
        while n_bits >= 5 {
            n_bits -= 5;
            text.push(digit(pending >> n_bits));
        }
    }
    text.push(digit(pending << (5 - n_bits)));
    text
}

fn digit(bits: u32) -> char {
    ALPHABET.get((bits & 31) as usize).copied().map_or('a', char::from)
}

fn decode(digits: &str) -> Result<Zeroizing<Vec<u8>>, ParseError> {
    let n_digits = digits.chars().count();
    if n_digits != N_DIGITS {
        return Err(ParseError::Length(n_digits));
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(SECRET_LENGTH + CHECKSUM_LENGTH));
    let (mut pending, mut n_bits) = (0_u32, 0_u32);
    for character in digits.bytes() {
        let value = match character {
            b'a'..=b'z' => character - b'a',
            b'2'..=b'7' => character - b'2' + 26,
            _ => return Err(ParseError::Character),
        };
        pending = (pending << 5) | u32::from(value);
        n_bits += 5;
        if n_bits >= 8 {
            n_bits -= 8;
            bytes.push(((pending >> n_bits) & 0xff) as u8);
        }
    }
    // A second spelling of the same key would slip past lists of leaked keys.
    if pending & ((1 << n_bits) - 1) == 0 { Ok(bytes) } else { Err(ParseError::Checksum) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_generated_key_parses_as_its_kind() {
        for kind in [Kind::Operator, Kind::Tenant] {
            let text = generate(kind);
            let parsed = parse_secret(&text).unwrap();
            assert_eq!(parsed.kind(), kind);
            assert!(text.expose_secret().starts_with(&parsed.hint()));
            assert_eq!(text.expose_secret().len(), 4 + N_DIGITS);
        }
    }

    #[test]
    fn every_single_typing_mistake_is_told() {
        let text = generate(Kind::Tenant);
        let text = text.expose_secret();
        for position in 4..text.len() {
            let mut typed = text.as_bytes().to_vec();
            typed[position] = if typed[position] == b'a' { b'b' } else { b'a' };
            assert_eq!(parse(std::str::from_utf8(&typed).unwrap()).unwrap_err(), ParseError::Checksum);
        }
    }

    #[test]
    fn a_tenant_key_does_not_become_an_operator_key() {
        let text = generate(Kind::Tenant).expose_secret().replace("gwt_", "gwo_");
        assert_eq!(parse(&text).unwrap_err(), ParseError::Checksum);
    }

    #[test]
    fn says_what_is_wrong_with_other_texts() {
        assert_eq!(parse("").unwrap_err(), ParseError::Prefix);
        assert_eq!(parse("sk_abc").unwrap_err(), ParseError::Prefix);
        assert_eq!(parse("gwt_abc").unwrap_err(), ParseError::Length(3));
        assert_eq!(parse(&format!("gwo_{}", "A".repeat(N_DIGITS))).unwrap_err(), ParseError::Character);
        assert_eq!(parse(&format!("gwo_{}", "é".repeat(N_DIGITS))).unwrap_err(), ParseError::Character);
    }

    #[test]
    fn hashes_differ_between_keys_and_repeat_for_one() {
        let (one, other) = (generate(Kind::Tenant), generate(Kind::Tenant));
        let hash_of = |text: &SecretString| hash(&parse_secret(text).unwrap());
        assert_eq!(hash_of(&one), hash_of(&one));
        assert_ne!(hash_of(&one), hash_of(&other));
    }

    #[test]
    fn debug_shows_no_secret() {
        let text = generate(Kind::Operator);
        let parsed = parse_secret(&text).unwrap();
        assert_eq!(format!("{parsed:?}"), "ParsedKey { kind: Operator, .. }");
        assert!(!format!("{text:?}").contains(&text.expose_secret()[4..]));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".*") {
            drop(parse(&text));
            drop(parse(&format!("gwt_{text}")));
        }

        #[test]
        fn no_text_of_the_right_form_parses_by_chance(digits in "[a-z2-7]{58}") {
            prop_assert_eq!(parse(&format!("gwt_{digits}")).unwrap_err(), ParseError::Checksum);
        }
    }
}
