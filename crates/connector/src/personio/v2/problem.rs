//! Errors of version 2: `{errors: [{title, detail, type}]}` of resources, `{error, error_description}` of logins, and
//! `{error: {message}}`, which was seen with status 401. Texts are the vendor's and are never passed on.

use bytes::Bytes;
use serde_json::value::RawValue;

use crate::personio::{
    envelope::Document,
    json::{Shape, first_elements, member, members, shape, text},
};

/// What the vendor says in an answer, and letters of each.
const MOST_REMARKS: usize = 20;
const LONGEST_REMARK: usize = 500;
/// Longest name of an error that is passed on.
const LONGEST_NAME: usize = 64;

/// What an answer says about its failure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Problem {
    /// The vendor wrote it, and not a proxy on the way.
    pub(super) is_vendors: bool,
    /// Its name in the vendor's list of errors, or in RFC 6749.
    name: Option<String>,
}

impl Problem {
    /// Reads an answer; one that is no error of the vendor's says nothing.
    pub(super) fn read(body: &Bytes) -> Self {
        let Ok(document) = Document::read(body) else { return Self::default() };
        let Ok(outline) = document.root().and_then(members) else { return Self::default() };
        if let Some(errors) = member(&outline, "errors").filter(|raw| shape(raw) == Shape::Array) {
            return Self { is_vendors: true, name: first_type(errors).as_deref().and_then(name_of) };
        }
        match member(&outline, "error") {
            Some(error) => Self { is_vendors: true, name: words(error).as_deref().and_then(name_of) },
            None => Self::default(),
        }
    }

    /// The client id and secret are not accepted.
    pub(super) fn is_about_client(&self) -> bool {
        matches!(self.name.as_deref(), Some("invalid_client" | "invalid_grant" | "unauthorized_client"))
    }

    /// ` (common.bad_request)`, or nothing.
    pub(super) fn named(&self) -> String {
        self.name.as_ref().map(|name| format!(" ({name})")).unwrap_or_default()
    }
}

/// The vendor's own words about a refusal: for the tenant's eyes, never for a log.
pub(super) fn said(body: &Bytes) -> Vec<String> {
    let Ok(document) = Document::read(body) else { return Vec::new() };
    let Ok(outline) = document.root().and_then(members) else { return Vec::new() };
    let of = |outline: &[_]| {
        let texts = ["detail", "title", "message"].into_iter();
        let mut texts = texts.filter_map(|key| member(outline, key).and_then(words));
        texts.find(|text| !text.trim().is_empty()).map(|text| text.chars().take(LONGEST_REMARK).collect())
    };
    let listed = match member(&outline, "errors").filter(|raw| shape(raw) == Shape::Array) {
        Some(errors) => first_elements(errors, MOST_REMARKS).map(|first| first.taken).unwrap_or_default(),
        None => member(&outline, "error").into_iter().collect(),
    };
    listed.into_iter().filter_map(|error| of(&members(error).ok()?)).collect()
}

fn first_type(errors: &RawValue) -> Option<String> {
    let first = first_elements(errors, 1).ok()?.taken.into_iter().next()?;
    words(member(&members(first).ok()?, "type")?)
}

fn words(raw: &RawValue) -> Option<String> {
    Some(raw).filter(|raw| shape(raw) == Shape::Text).and_then(|raw| text(raw).ok())
}

/// The name at the end of an address, or the whole; only where it can be nothing but a name.
fn name_of(text: &str) -> Option<String> {
    let name = text.rsplit_once('#').map_or(text, |(_, name)| name);
    let is_name = name.bytes().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'_' | b'.'));
    (is_name && (1..=LONGEST_NAME).contains(&name.len())).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Problem {
        Problem::read(&Bytes::copy_from_slice(body.as_bytes()))
    }

    #[test]
    fn the_name_of_an_error_is_taken_and_its_text_is_not() {
        let problem = read(
            r#"{"personio_trace_id":"1","errors":[{"title":"canary","detail":"canary",
               "type":"https://developer.personio.de/reference/errors#common.bad_request","_meta":{}}]}"#,
        );
        assert_eq!((problem.is_vendors, problem.named().as_str()), (true, " (common.bad_request)"));
        assert!(read(r#"{"error":"invalid_client","error_description":"canary"}"#).is_about_client());
        for body in [
            r#"{"errors":[{"type":"about:blank canary"}]}"#,
            r#"{"errors":[{"type":"Canary"}]}"#,
            r#"{"errors":[]}"#,
            r#"{"error":{"message":"canary"}}"#,
        ] {
            let problem = read(body);
            assert_eq!((problem.is_vendors, problem.named().as_str()), (true, ""), "{body}");
        }
    }

    #[test]
    fn what_is_not_the_vendors_says_nothing() {
        for body in ["", "<html>canary</html>", "[]", r#"{"message":"canary"}"#, r#"{"errors":"canary"}"#] {
            assert_eq!(read(body), Problem::default(), "{body}");
        }
    }
}
