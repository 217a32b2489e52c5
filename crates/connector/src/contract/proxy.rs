//! Passing a reading through to the vendor: what Gangway has no model of can still be read, within the account's budget.
//!
//! Only what the manifest names can be asked for. A path is normalised and matched here, once for all connectors; what is sent
//! is built from the template, never from the caller's text.

use std::borrow::Cow;

use async_trait::async_trait;
use bytes::Bytes;
use gangway_egress::Class;
use serde::Serialize;

use super::error::Result;

/// Bytes of an id in a path.
const LONGEST_ID: usize = 64;

/// Passing readings through.
#[async_trait]
pub trait Proxy: Send + Sync {
    /// Sends one GET and gives back what the vendor says, also when that is a refusal.
    ///
    /// # Errors
    /// When the credential is not accepted, a limit is used up, the vendor cannot be reached, or the answer repeats a secret of
    /// the connection.
    async fn pass(&self, request: Pass) -> Result<Passed>;
}

/// A path that may be passed through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ProxyPath {
    /// Route template, as in the requests (`/v1/company/employees/{id}`).
    pub template: &'static str,
    /// Parameters that the query may hold.
    pub query: &'static [&'static str],
    /// What is read there, for people.
    pub reads: &'static str,
    /// What the admin must permit, in the vendor's words.
    pub requires_permission: &'static str,
}

/// Asks for a reading to be passed through. Made by [`Pass::of`] alone, so its path fits its template.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pass {
    /// Template of the path.
    pub template: &'static str,
    /// The path to send.
    pub path: String,
    /// The query to send.
    pub query: Vec<(String, String)>,
    /// Priority of the call.
    pub class: Class,
}

/// What the vendor said. Of its headers only the type of the body: others can repeat the token.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Passed {
    /// Status.
    pub status: u16,
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// The body, not judged.
    pub body: Bytes,
}

impl Passed {
    /// An answer.
    pub fn new(status: u16, content_type: Option<String>, body: Bytes) -> Self {
        Self { status, content_type, body }
    }
}

/// Why a reading is not passed through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotPassed {
    /// The path cannot be read in one way only.
    Malformed,
    /// No template fits.
    Unknown,
    /// The query holds a parameter that the template does not know; it is the caller's own text.
    Parameter(String),
}

impl Pass {
    /// Reads a path with its query, and finds its template.
    ///
    /// # Errors
    /// When it is not among `paths`.
    pub fn of(paths: &[ProxyPath], text: &str, class: Class) -> Result<Self, NotPassed> {
        let (path, query) = text.split_once('?').unwrap_or((text, ""));
        let segments = normalised(path).ok_or(NotPassed::Malformed)?;
        if query.contains('#') || query.bytes().any(|byte| byte.is_ascii_control()) {
            return Err(NotPassed::Malformed);
        }
        let (found, path) =
            paths.iter().find_map(|path| Some((path, filled(path.template, &segments)?))).ok_or(NotPassed::Unknown)?;
        let query: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        if let Some((name, _)) = query.iter().find(|(name, _)| !found.query.contains(&name.as_str())) {
            return Err(NotPassed::Parameter(name.clone()));
        }
        Ok(Self { template: found.template, path, query, class })
    }
}

/// The segments of a path: letters that were encoded without need are decoded, then dot segments are resolved. None when
/// servers could disagree about what is left.
fn normalised(path: &str) -> Option<Vec<Cow<'_, str>>> {
    let mut segments = Vec::new();
    for segment in path.strip_prefix('/')?.split('/') {
        let segment = decoded(segment)?;
        match segment.as_ref() {
            "" => return None,
            "." => {}
            ".." => {
                segments.pop()?;
            }
            _ => segments.push(segment),
        }
    }
    Some(segments)
}

/// A segment of unreserved characters only.
fn decoded(segment: &str) -> Option<Cow<'_, str>> {
    let decoded = percent_decoded(segment)?;
    decoded.bytes().all(is_unreserved).then_some(decoded)
}

fn percent_decoded(segment: &str) -> Option<Cow<'_, str>> {
    if !segment.contains('%') {
        return Some(Cow::Borrowed(segment));
    }
    let mut bytes = segment.bytes();
    let mut text = String::with_capacity(segment.len());
    while let Some(byte) = bytes.next() {
        let byte = if byte == b'%' {
            let mut digit = || char::from(bytes.next()?).to_digit(16);
            u8::try_from(digit()? * 16 + digit()?).ok()?
        } else {
            byte
        };
        text.push(char::from(byte));
    }
    Some(Cow::Owned(text))
}

const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// The template with the segments in its places, when they fit.
fn filled(template: &str, segments: &[Cow<'_, str>]) -> Option<String> {
    let mut parts = template.split('/').skip(1);
    let mut path = String::with_capacity(template.len());
    for segment in segments {
        let part = parts.next()?;
        let fits = if part.starts_with('{') { is_id(segment) } else { part == segment };
        if !fits {
            return None;
        }
        path.extend(["/", segment]);
    }
    parts.next().is_none().then_some(path)
}

fn is_id(segment: &str) -> bool {
    segment.len() <= LONGEST_ID
        && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PATHS: &[ProxyPath] = &[
        path("/v1/company/employees", &["limit", "employees[]"]),
        path("/v1/company/employees/{id}", &[]),
        path("/v1/company/employees/{id}/absences/balance", &[]),
    ];

    const fn path(template: &'static str, query: &'static [&'static str]) -> ProxyPath {
        ProxyPath { template, query, reads: "", requires_permission: "" }
    }

    fn pass(text: &str) -> Result<(&'static str, String), NotPassed> {
        Pass::of(PATHS, text, Class::Interactive).map(|pass| (pass.template, pass.path))
    }

    #[test]
    fn a_path_is_normalised_and_then_matched() {
        let employee = Ok(("/v1/company/employees/{id}", "/v1/company/employees/42".to_owned()));
        for text in [
            "/v1/company/employees/42",
            "/v1/company/%65mployees/%34%32",
            "/v1/company/time-offs/../employees/./42",
            "/v1/company/x/%2e%2E/employees/42",
        ] {
            assert_eq!(pass(text), employee, "{text}");
        }
    }

    #[test]
    fn what_servers_could_read_in_two_ways_is_refused() {
        for text in [
            "",
            "v1/company/employees",
            "//evil.example/v1/company/employees",
            "https://evil.example/v1/company/employees",
            "/v1//company/employees",
            "/v1/company/employees/",
            "/v1/company/employees/1%2f2",
            "/v1/company/employees/%252e%252e",
            "/v1/company/employees/1%",
            "/v1/company/employees/1%zz",
            "/v1/company/employees/1;x=2",
            "/v1/company\\employees",
            "/v1/company/employees/1#x",
            "/v1/company/employees?limit=1#x",
            "/v1/company/employees/\u{fc}",
            "/v1/company/employees/%c3%bc",
            "/v1/company/employees/1\r\nx: y",
            "/../../v1/company/employees",
        ] {
            assert_eq!(pass(text), Err(NotPassed::Malformed), "{text:?}");
        }
    }

    #[test]
    fn what_no_template_names_is_unknown() {
        let long = format!("/v1/company/employees/{}", "1".repeat(LONGEST_ID + 1));
        for text in
            ["/", "/v1", "/v1/auth", "/v1/company/employees/1/absences", "/v1/company/employees/1/x/balance", &long]
        {
            assert!(matches!(pass(text), Err(NotPassed::Unknown | NotPassed::Malformed)), "{text}");
        }
        assert_eq!(pass("/v1/company/employees/../../auth"), Err(NotPassed::Unknown));
        assert_eq!(pass("/v1/company/employees/a.b"), Err(NotPassed::Unknown));
    }

    #[test]
    fn only_known_parameters_are_sent() {
        let pass =
            Pass::of(PATHS, "/v1/company/employees?limit=1&employees%5B%5D=2&employees[]=a%26b", Class::Interactive);
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let wanted = vec![pair("limit", "1"), pair("employees[]", "2"), pair("employees[]", "a&b")];
        assert_eq!(pass.unwrap().query, wanted);
        let unknown = Pass::of(PATHS, "/v1/company/employees?token=x", Class::Interactive);
        assert_eq!(unknown, Err(NotPassed::Parameter("token".to_owned())));
    }

    proptest! {
        #[test]
        fn what_is_sent_fits_its_template_whatever_is_asked(text in "(/(v1|company|employees|absences|balance|\\.|\\.\\.|%2e|[0-9]{1,3}|\\PC{0,3})){0,8}(\\?\\PC{0,8})?") {
            if let Ok(pass) = Pass::of(PATHS, &text, Class::Interactive) {
                let sent: Vec<&str> = pass.path.split('/').collect();
                let template: Vec<&str> = pass.template.split('/').collect();
                prop_assert_eq!(sent.len(), template.len());
                for (sent, part) in sent.iter().zip(&template) {
                    let is_placed = part.starts_with('{') && is_id(sent) && !sent.is_empty();
                    prop_assert!(sent == part || is_placed);
                }
            }
        }
    }
}
