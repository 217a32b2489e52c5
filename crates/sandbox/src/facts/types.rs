//! The words of the table's `types`, and which values they fit.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};
use serde_json::Value;

/// What a field may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Type {
    /// `@Name`: the rows of that name describe it.
    Shape(String),
    /// `=a/b`: one of these, written out.
    OneOf(Vec<String>),
    /// `image/png`: a body of this media type.
    Media(String),
    /// `nothing`: an empty body.
    Nothing,
    /// Any other word.
    Word(Word),
}

/// A word and the values that it fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    Object,
    Array,
    Text,
    Integer,
    Number,
    Boolean,
    Null,
    /// `""`
    Blank,
    /// `[]`
    None,
    /// 0 or 1.
    Flag,
    /// A number as text.
    Decimal,
    /// An integer as text.
    Digits,
    /// `2026-01-31`
    Date,
    /// `2026-01-31T09:00:00+01:00`, with or without the colon.
    Moment,
    /// `2026-01-31T08:00:00Z`
    Utc,
    /// `2026-01-31T09:00:00`
    Wall,
    /// `09:00`
    Time,
    Uuid,
    Url,
}

impl Type {
    pub(super) fn read(text: &str) -> Self {
        if let Some(name) = text.strip_prefix('@') {
            return Self::Shape(format!("@{name}"));
        }
        if let Some(values) = text.strip_prefix('=') {
            return Self::OneOf(values.split('/').map(str::to_owned).collect());
        }
        Self::Word(match text {
            "object" => Word::Object,
            "array" => Word::Array,
            "text" => Word::Text,
            "integer" => Word::Integer,
            "number" => Word::Number,
            "boolean" => Word::Boolean,
            "null" => Word::Null,
            "blank" => Word::Blank,
            "none" => Word::None,
            "flag" => Word::Flag,
            "decimal" => Word::Decimal,
            "digits" => Word::Digits,
            "date" => Word::Date,
            "moment" => Word::Moment,
            "utc" => Word::Utc,
            "wall" => Word::Wall,
            "time" => Word::Time,
            "uuid" => Word::Uuid,
            "url" => Word::Url,
            "nothing" => return Self::Nothing,
            media if media.contains('/') => return Self::Media(media.to_owned()),
            other => panic!("the table of facts has a type that nobody knows: {other}"),
        })
    }

    pub(super) fn fits(&self, value: &Value) -> bool {
        match self {
            Self::Shape(_) => value.is_object(),
            Self::OneOf(values) => {
                let written = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                values.contains(&written)
            }
            Self::Media(_) | Self::Nothing => false,
            Self::Word(word) => word.fits(value),
        }
    }
}

impl Word {
    fn fits(self, value: &Value) -> bool {
        let text = |fits: fn(&str) -> bool| value.as_str().is_some_and(fits);
        match self {
            Self::Object => value.is_object(),
            Self::Array => value.is_array(),
            Self::Text => value.is_string(),
            Self::Integer => value.is_i64() || value.is_u64(),
            Self::Number => value.is_number(),
            Self::Boolean => value.is_boolean(),
            Self::Null => value.is_null(),
            Self::Blank => value == "",
            Self::None => value.as_array().is_some_and(Vec::is_empty),
            Self::Flag => value == 0 || value == 1,
            Self::Decimal => text(|text| text.parse::<f64>().is_ok()),
            Self::Digits => text(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())),
            Self::Date => text(|text| text.len() == 10 && text.parse::<NaiveDate>().is_ok()),
            Self::Moment => {
                text(|text| !text.ends_with('Z') && DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%z").is_ok())
            }
            Self::Utc => text(|text| text.ends_with('Z') && DateTime::parse_from_rfc3339(text).is_ok()),
            Self::Wall => text(|text| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S").is_ok()),
            Self::Time => text(|text| text.len() == 5 && NaiveTime::parse_from_str(text, "%H:%M").is_ok()),
            Self::Uuid => text(is_uuid),
            Self::Url => text(|text| text == "about:blank" || url::Url::parse(text).is_ok_and(|url| url.has_host())),
        }
    }
}

fn is_uuid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12])
        && parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_word_fits_its_values_and_no_other() {
        for (word, good, bad) in [
            ("integer", json!(1), json!(1.5)),
            ("integer", json!(-1), json!("1")),
            ("number", json!(1.5), json!("1.5")),
            ("flag", json!(1), json!(2)),
            ("decimal", json!("38.5"), json!(38.5)),
            ("digits", json!("12"), json!("1.2")),
            ("date", json!("2026-01-31"), json!("2026-02-31")),
            ("moment", json!("2026-01-31T00:00:00+01:00"), json!("2026-01-31T00:00:00")),
            ("moment", json!("2026-01-31T00:00:00+0100"), json!("2026-01-31T00:00:00Z")),
            ("utc", json!("2026-01-31T00:00:00Z"), json!("2026-01-31T00:00:00+00:00")),
            ("wall", json!("2026-01-31T00:00:00"), json!("2026-01-31T00:00:00Z")),
            ("time", json!("09:00"), json!("9:00")),
            ("uuid", json!("0c3f3b6d-6f0e-4a57-9c4b-6f3e1d2a1b00"), json!("0c3f3b6d")),
            ("url", json!("https://a.example/b"), json!("/b")),
            ("blank", json!(""), json!(" ")),
            ("none", json!([]), json!([1])),
            ("null", json!(null), json!("")),
            ("=true", json!(true), json!(false)),
            ("=a/b", json!("b"), json!("a/b")),
            ("@Some", json!({}), json!([])),
        ] {
            let kind = Type::read(word);
            assert!(kind.fits(&good) && !kind.fits(&bad), "{word}");
        }
    }
}
