//! The envelope around every JSON answer: `{success, metadata, data}`, `{success, error}`, or a bare list.
//!
//! The body is read once for its outline; the items are cut from it when asked for, still borrowed.

use std::fmt;

use bytes::Bytes;
use serde_json::value::RawValue;

use super::{
    json::{Refusal, Shape, first_elements, first_members, is_empty, member, members, offset_in, shape},
    limits::MAX_MEMBERS,
};
use crate::contract::{Error, ErrorKind, Retry};

/// What the vendor says about paging. Every member may be missing or wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Metadata {
    pub(super) total: Option<u64>,
    pub(super) current_page: Option<u64>,
    pub(super) total_pages: Option<u64>,
}

/// An answer that is JSON.
#[derive(Debug, Clone)]
pub(super) struct Document {
    bytes: Bytes,
    data: Option<std::ops::Range<usize>>,
    is_repaired: bool,
    /// The envelope's flag.
    pub(super) success: Option<bool>,
    /// It has an `error` member or the flag: it is the vendor's envelope and not a proxy's JSON.
    pub(super) is_vendors: bool,
    /// `error.code`.
    pub(super) error_code: Option<u64>,
    /// About paging.
    pub(super) metadata: Metadata,
}

impl Document {
    /// Reads the outline of a body of version 1.
    pub(super) fn read(body: &Bytes) -> Result<Self, Refusal> {
        Self::read_with(body, "data")
    }

    /// Reads the outline of a body whose items lie in this member.
    pub(super) fn read_with(body: &Bytes, data_key: &str) -> Result<Self, Refusal> {
        // One letter in a foreign encoding must not lose the whole page: it is replaced, and its record set aside.
        let (bytes, is_repaired) = match str::from_utf8(body) {
            Ok(_) => (body.clone(), false),
            Err(_) => (Bytes::from(String::from_utf8_lossy(body).into_owned()), true),
        };
        let whole = str::from_utf8(&bytes).map_err(|_| "is not UTF-8")?;
        let text = whole.trim_start_matches('\u{feff}');
        let root: &RawValue = serde_json::from_str(text).map_err(|_| "is not JSON")?;

        let mut success = None;
        let mut is_vendors = false;
        let mut error_code = None;
        let mut metadata = Metadata::default();
        let data = match shape(root) {
            Shape::Array => Some(root),
            Shape::Object => {
                let outline = members(root)?;
                success = member(&outline, "success").and_then(|raw| flag(raw.get()));
                let error = member(&outline, "error");
                is_vendors = success.is_some() || error.is_some();
                error_code = error
                    .and_then(|error| members(error).ok())
                    .and_then(|error| member(&error, "code").and_then(count));
                if let Some(found) = member(&outline, "metadata").and_then(|raw| members(raw).ok()) {
                    metadata = Metadata {
                        total: member(&found, "total_elements").and_then(count),
                        current_page: member(&found, "current_page").and_then(count),
                        total_pages: member(&found, "total_pages").and_then(count),
                    };
                }
                member(&outline, data_key)
            }
            _ => return Err("is neither an object nor a list"),
        };
        let data = data.and_then(|data| {
            let start = offset_in(whole.as_bytes(), data.get())?;
            Some(start..start + data.get().len())
        });
        Ok(Self { bytes, data, is_repaired, success, is_vendors, error_code, metadata })
    }

    /// The answer's `data`.
    pub(super) fn data(&self) -> Result<&RawValue, Refusal> {
        let range = self.data.clone().ok_or("has no data")?;
        let text = self.bytes.get(range).and_then(|bytes| str::from_utf8(bytes).ok()).ok_or("has no data")?;
        serde_json::from_str(text).map_err(|_| "is not JSON")
    }

    /// The whole answer, as it came.
    pub(super) fn root(&self) -> Result<&RawValue, Refusal> {
        let text = str::from_utf8(&self.bytes).map_err(|_| "is not UTF-8")?;
        serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|_| "is not JSON")
    }

    /// The only object of an answer: the data, or the whole where no data lies around it.
    pub(super) fn one(&self) -> Result<&RawValue, Refusal> {
        match self.data() {
            Ok(data) if shape(data) == Shape::Object => Ok(data),
            _ => self.root(),
        }
    }

    /// The whole answer; for small ones.
    pub(super) fn value(&self) -> Option<serde_json::Value> {
        let text = str::from_utf8(&self.bytes).ok()?;
        serde_json::from_str(text.trim_start_matches('\u{feff}')).ok()
    }

    /// The items of a list. Nothing (`null`, `""`, `{}`) is an empty list, one object a list of one; a list with holes comes
    /// from the vendor's language as an object with numbers for keys. More than `most` are refused.
    pub(super) fn items(&self, most: usize) -> Result<Vec<&RawValue>, Unlisted> {
        let data = self.data().map_err(Unlisted::Shape)?;
        if is_empty(data) {
            return Ok(Vec::new());
        }
        match shape(data) {
            Shape::Array => {
                let items = first_elements(data, most).map_err(Unlisted::Shape)?;
                if items.is_cut { Err(Unlisted::TooMany(most)) } else { Ok(items.taken) }
            }
            Shape::Object => {
                let members = first_members(data, most.max(MAX_MEMBERS)).map_err(Unlisted::Shape)?;
                let is_list = members.taken.iter().all(|member| member.key.bytes().all(|byte| byte.is_ascii_digit()));
                if !is_list {
                    return Ok(vec![data]);
                }
                if members.is_cut || members.taken.len() > most {
                    return Err(Unlisted::TooMany(most));
                }
                Ok(members.taken.into_iter().map(|member| member.value).collect())
            }
            _ => Err(Unlisted::Shape("holds no list")),
        }
    }

    /// The bytes of a part, without copying.
    pub(super) fn bytes_of(&self, part: &RawValue) -> Bytes {
        match offset_in(&self.bytes, part.get()) {
            Some(start) => self.bytes.slice(start..start + part.get().len()),
            None => Bytes::copy_from_slice(part.get().as_bytes()),
        }
    }

    /// Whether letters of this part were lost to a foreign encoding.
    pub(super) fn is_damaged(&self, part: &RawValue) -> bool {
        self.is_repaired && part.get().contains('\u{fffd}')
    }
}

/// Why the items of an answer are not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unlisted {
    /// It is no list.
    Shape(Refusal),
    /// There are more than this many.
    TooMany(usize),
}

impl fmt::Display for Unlisted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shape(refusal) => f.write_str(refusal),
            Self::TooMany(most) => {
                write!(
                    f,
                    "holds more than {most} records, far more than were asked for: the limit of a page is ignored"
                )
            }
        }
    }
}

impl Unlisted {
    /// The failure of an operation. A system that ignores the limit will do so again.
    pub(super) fn into_error(self, operation: &'static str) -> Error {
        let retry = if matches!(self, Self::TooMany(_)) { Retry::Never } else { Retry::Backoff };
        Error::new(ErrorKind::Protocol, operation, format!("the answer {self}")).with_retry(retry)
    }
}

/// A count, which the vendor also writes as text, once with a comma (`"200,"`).
fn count(raw: &RawValue) -> Option<u64> {
    match shape(raw) {
        Shape::Number => raw.get().parse().ok(),
        Shape::Text => raw.get().trim_matches('"').trim().trim_end_matches(',').parse().ok(),
        _ => None,
    }
}

/// A flag from its JSON text: the vendor's dialects also write it as text and as a number.
pub(super) fn flag(json: &str) -> Option<bool> {
    match json.trim_matches('"').to_ascii_lowercase().as_str() {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str) -> Result<Document, Refusal> {
        Document::read(&Bytes::copy_from_slice(text.as_bytes()))
    }

    #[test]
    fn every_way_to_write_a_list_gives_its_items() {
        for (text, n) in [
            (r#"{"success":true,"data":[{"a":1},{"a":2}]}"#, 2),
            (r#"[{"a":1},{"a":2}]"#, 2),
            ("\u{feff}[{}]", 1),
            (r#"{"data":{"0":{},"7":{}}}"#, 2),
            (r#"{"data":{"type":"Employee"}}"#, 1),
            (r#"{"data":null}"#, 0),
            (r#"{"data":""}"#, 0),
            (r#"{"data":[]}"#, 0),
        ] {
            assert_eq!(document(text).unwrap().items(400).unwrap().len(), n, "{text}");
        }
    }

    #[test]
    fn counts_come_as_numbers_and_as_text() {
        let metadata = r#"{"data":[],"metadata":{"total_elements":"200,","current_page":0,"total_pages":"2"}}"#;
        assert_eq!(
            document(metadata).unwrap().metadata,
            Metadata { total: Some(200), current_page: Some(0), total_pages: Some(2) }
        );
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for text in ["", "<html>busy</html>", "{\"data\":[", "\"text\"", "7"] {
            assert!(document(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_foreign_letter_damages_only_its_own_item() {
        let body = Bytes::from_static(b"[{\"name\":\"M\xfcller\"},{\"name\":\"Lind\"}]");
        let document = Document::read(&body).unwrap();
        let items = document.items(400).unwrap();
        assert_eq!(items.iter().map(|item| document.is_damaged(item)).collect::<Vec<_>>(), [true, false]);
    }

    #[test]
    fn parts_are_slices_of_the_answer() {
        let document = document(r#"{"data":[ {"a":1} ]}"#).unwrap();
        assert_eq!(document.bytes_of(document.items(400).unwrap()[0]), Bytes::from_static(br#"{"a":1}"#));
    }
}
