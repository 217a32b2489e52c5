//! Borrowed JSON: the members and elements of a raw value without building a tree.
//!
//! Numbers are kept as the vendor wrote them (a tree would turn `1.10` into `1.1` and refuse `1e400`), and every member
//! remembers where it lies, so that it can be cut out of the stored bytes. Duplicate keys are all kept, in order. Messages
//! of serde are never passed on: they may quote a value.

use std::{borrow::Cow, fmt, ops::Range};

use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value, value::RawValue};

use super::limits::{MAX_ELEMENTS, MAX_MEMBERS};

/// Nesting a value may have; the vendor's own goes to six.
const MAX_DEPTH: usize = 32;

/// Why a raw value could not be taken. Holds no value.
pub(super) type Refusal = &'static str;

/// Why an object with more than `MAX_MEMBERS` is not taken.
pub(super) const TOO_MANY_MEMBERS: Refusal = "has more than 5000 members";

/// One `"key": value` of an object.
#[derive(Debug, Clone)]
pub(super) struct Member<'a> {
    pub(super) key: Cow<'a, str>,
    pub(super) value: &'a RawValue,
    raw_key: &'a RawValue,
}

impl Member<'_> {
    /// Where the member lies in `whole`, from the key's opening quote to the end of the value. None if it is not part of it.
    pub(super) fn range_in(&self, whole: &str) -> Option<Range<usize>> {
        let start = offset_in(whole.as_bytes(), self.raw_key.get())?;
        let end = offset_in(whole.as_bytes(), self.value.get())?.checked_add(self.value.get().len())?;
        (start < end).then_some(start..end)
    }
}

/// Where `part`, a slice of `whole`, begins in it. Takes the same time whatever their length.
pub(super) fn offset_in(whole: &[u8], part: &str) -> Option<usize> {
    let offset = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
    (offset.checked_add(part.len())? <= whole.len()).then_some(offset)
}

/// The kind of a raw value, told by its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Object,
    Array,
    Text,
    Number,
    Bool,
    Null,
}

pub(super) fn shape(raw: &RawValue) -> Shape {
    match raw.get().as_bytes().first() {
        Some(b'{') => Shape::Object,
        Some(b'[') => Shape::Array,
        Some(b'"') => Shape::Text,
        Some(b't' | b'f') => Shape::Bool,
        Some(b'n') | None => Shape::Null,
        Some(_) => Shape::Number,
    }
}

/// The members of an object, in order.
pub(super) fn members(raw: &RawValue) -> Result<Vec<Member<'_>>, Refusal> {
    let members = first_members(raw, MAX_MEMBERS)?;
    if members.is_cut { Err(TOO_MANY_MEMBERS) } else { Ok(members.taken) }
}

/// The beginning of an object or list.
pub(super) struct First<T> {
    pub(super) taken: Vec<T>,
    /// There were more.
    pub(super) is_cut: bool,
}

/// The first `most` members of an object. The rest is read past without keeping it.
pub(super) fn first_members(raw: &RawValue, most: usize) -> Result<First<Member<'_>>, Refusal> {
    if shape(raw) != Shape::Object {
        return Err("is not an object");
    }
    let mut json = serde_json::Deserializer::from_str(raw.get());
    json.deserialize_map(MembersVisitor { most }).map_err(|_| "is not valid JSON")
}

/// The last member of that key, as JSON parsers choose among duplicates.
pub(super) fn member<'a>(members: &[Member<'a>], key: &str) -> Option<&'a RawValue> {
    members.iter().rev().find(|member| member.key == key).map(|member| member.value)
}

/// The elements of an array.
pub(super) fn elements(raw: &RawValue) -> Result<Vec<&RawValue>, Refusal> {
    let elements = first_elements(raw, MAX_ELEMENTS)?;
    if elements.is_cut { Err("has more than 5000 elements") } else { Ok(elements.taken) }
}

/// The first `most` elements of an array. The rest is read past without keeping it.
pub(super) fn first_elements(raw: &RawValue, most: usize) -> Result<First<&RawValue>, Refusal> {
    if shape(raw) != Shape::Array {
        return Err("is not a list");
    }
    let mut json = serde_json::Deserializer::from_str(raw.get());
    json.deserialize_seq(ElementsVisitor { most }).map_err(|_| "is not valid JSON")
}

/// A JSON string's text.
pub(super) fn text(raw: &RawValue) -> Result<String, Refusal> {
    serde_json::from_str(raw.get()).map_err(|_| "is not valid text")
}

/// Whether it says nothing: null, `""`, `[]` or `{}`, which the vendor mixes.
pub(super) fn is_empty(raw: &RawValue) -> bool {
    let inner = match shape(raw) {
        Shape::Null => return true,
        Shape::Object | Shape::Array => raw.get().get(1..raw.get().len().saturating_sub(1)),
        Shape::Text => return raw.get() == "\"\"",
        Shape::Number | Shape::Bool => return false,
    };
    inner.is_some_and(|inner| inner.bytes().all(|byte| byte.is_ascii_whitespace()))
}

/// The value as a tree. Whole numbers that fit stay numbers; all others become the text the vendor wrote.
pub(super) fn tree(raw: &RawValue) -> Result<Value, Refusal> {
    tree_within(raw, MAX_DEPTH)
}

fn tree_within(raw: &RawValue, depth: usize) -> Result<Value, Refusal> {
    let inside = || depth.checked_sub(1).ok_or("is nested too deeply");
    Ok(match shape(raw) {
        Shape::Null => Value::Null,
        Shape::Bool => Value::Bool(raw.get() == "true"),
        Shape::Text => Value::String(text(raw)?),
        Shape::Number => number(raw.get()),
        Shape::Array => {
            let depth = inside()?;
            Value::Array(elements(raw)?.into_iter().map(|item| tree_within(item, depth)).collect::<Result<_, _>>()?)
        }
        Shape::Object => {
            let depth = inside()?;
            let mut map = Map::new();
            for Member { key, value, .. } in members(raw)? {
                map.insert(key.into_owned(), tree_within(value, depth)?);
            }
            Value::Object(map)
        }
    })
}

fn number(text: &str) -> Value {
    if let Ok(whole) = text.parse::<i64>()
        && text != "-0"
    {
        return Value::from(whole);
    }
    Value::String(text.to_owned())
}

struct MembersVisitor {
    most: usize,
}

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = First<Member<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        // As many as a wrapper has: most objects are wrappers, and a record has a hundred of them.
        let mut taken = Vec::with_capacity(5);
        while taken.len() < self.most {
            let Some((raw_key, value)) = map.next_entry::<&'de RawValue, &'de RawValue>()? else {
                return Ok(First { taken, is_cut: false });
            };
            let quoted = raw_key.get();
            let plain =
                quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"')).filter(|text| !text.contains('\\'));
            let key = match plain {
                Some(plain) => Cow::Borrowed(plain),
                None => Cow::Owned(serde_json::from_str(quoted).map_err(serde::de::Error::custom)?),
            };
            taken.push(Member { key, value, raw_key });
        }
        let mut is_cut = false;
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
            is_cut = true;
        }
        Ok(First { taken, is_cut })
    }
}

struct ElementsVisitor {
    most: usize,
}

impl<'de> Visitor<'de> for ElementsVisitor {
    type Value = First<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut taken = Vec::new();
        while taken.len() < self.most {
            let Some(element) = seq.next_element::<&'de RawValue>()? else {
                return Ok(First { taken, is_cut: false });
            };
            taken.push(element);
        }
        let mut is_cut = false;
        while seq.next_element::<IgnoredAny>()?.is_some() {
            is_cut = true;
        }
        Ok(First { taken, is_cut })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn numbers_keep_the_vendors_digits() {
        let raw = raw(r"[1, -7, 1.10, 1e400, 123456789012345678901234567890, -0]");
        assert_eq!(tree(&raw).unwrap(), json!([1, -7, "1.10", "1e400", "123456789012345678901234567890", "-0"]));
    }

    #[test]
    fn nul_and_control_characters_survive() {
        assert_eq!(tree(&raw(r#""a\u0000b\u0001\u001fc""#)).unwrap(), json!("a\0b\u{1}\u{1f}c"));
    }

    #[test]
    fn a_member_knows_its_place_even_with_escaped_keys() {
        let whole = raw(r#"{ "a\"b" : [1, 2] ,"c":{}}"#);
        let members = members(&whole).unwrap();
        assert_eq!(members[0].key, "a\"b");
        let range = members[0].range_in(whole.get()).unwrap();
        assert_eq!(&whole.get()[range], r#""a\"b" : [1, 2]"#);
    }

    #[test]
    fn duplicate_keys_are_all_kept_and_the_last_one_counts() {
        let whole = raw(r#"{"a":1,"a":2}"#);
        let members = members(&whole).unwrap();
        assert_eq!(members.len(), 2);
        assert_eq!(member(&members, "a").unwrap().get(), "2");
    }

    #[test]
    fn depth_is_bounded() {
        let deep = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
        let deep: &RawValue = serde_json::from_str(&deep).unwrap();
        assert_eq!(tree(deep), Err("is nested too deeply"));
    }

    #[test]
    fn lone_surrogates_are_refused_not_replaced() {
        let text = r#""\ud800""#.to_owned();
        let lone: &RawValue = serde_json::from_str(&text).unwrap();
        assert!(tree(lone).is_err());
    }

    #[test]
    fn the_vendors_ways_of_saying_nothing() {
        for text in ["null", "\"\"", "[]", "{}", "[ ]", "{\n}"] {
            assert!(is_empty(&raw(text)), "{text}");
        }
        for text in ["0", "false", "\" \"", "[0]"] {
            assert!(!is_empty(&raw(text)), "{text}");
        }
    }
}
