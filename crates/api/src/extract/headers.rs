//! Preconditions and idempotency keys.

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header};
use futures::future::{Ready, ready};
use gangway_domain::Code;

use crate::{
    limits::IDEMPOTENCY_KEY_CHARACTERS,
    problem::{Problem, Result},
};

/// The version a caller has seen, from `If-Match`; none when it does not care.
pub(crate) struct IfMatch(pub(crate) Option<i64>);

impl FromRequest for IfMatch {
    type Error = Problem;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let mut values = request.headers().get_all(header::IF_MATCH);
        let value = values.next().map(|value| value.to_str().unwrap_or_default().trim());
        if values.next().is_some() {
            return ready(Err(Problem::malformed("Send one `If-Match` with one tag.")));
        }
        ready(match value {
            None | Some("*") => Ok(Self(None)),
            // A tag that we never gave out, weak ones among them, matches nothing.
            Some(tag) => version(tag).map(|version| Self(Some(version))).ok_or_else(|| {
                Problem::new(
                    Code::VersionStale,
                    "`If-Match` is not an `ETag` of this object; read it again and repeat the change.",
                )
            }),
        })
    }
}

fn version(tag: &str) -> Option<i64> {
    let digits = tag.strip_prefix("\"v")?.strip_suffix('"')?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// The caller's name for a creating request.
pub(crate) struct IdempotencyKey(pub(crate) Option<String>);

impl FromRequest for IdempotencyKey {
    type Error = Problem;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let Some(value) = request.headers().get("idempotency-key") else { return ready(Ok(Self(None))) };
        let key = value.to_str().ok().filter(|key| (1..=IDEMPOTENCY_KEY_CHARACTERS).contains(&key.len()));
        ready(key.map(|key| Self(Some(key.to_owned()))).ok_or_else(|| {
            Problem::malformed("The header `Idempotency-Key` must have 1 to 200 printable ASCII characters.")
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_strong_tags_are_versions() {
        assert_eq!(version("\"v7\""), Some(7));
        for tag in [
            "v7",
            "\"7\"",
            "W/\"v7\"",
            "\"v7\", \"v8\"",
            "",
            "\"v\"",
            "\"v+7\"",
            "\"v-7\"",
            "\"v99999999999999999999\"",
        ] {
            assert_eq!(version(tag), None, "{tag}");
        }
    }
}
