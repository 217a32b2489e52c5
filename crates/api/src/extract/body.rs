//! JSON bodies: capped, in time, with JSON pointers for what is wrong.

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header, web};
use futures::{StreamExt as _, future::LocalBoxFuture};
use gangway_app::FieldError;
use gangway_domain::Code;
use serde::de::DeserializeOwned;
use serde_json::{Value, error::Category};
use serde_path_to_error::Segment;

use super::{members::Once, shape};
use crate::{
    limits::MISTAKES,
    problem::{Problem, Result},
    server::State,
    surface,
};

/// A body, read.
pub(crate) struct Body<T> {
    pub(crate) value: T,
    /// The same body whatever its spacing and the order of its members: what an idempotency key stands for.
    pub(crate) canonical: Vec<u8>,
}

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let payload = payload.take();
        Box::pin(async move {
            require_json(&request)?;
            let bytes = receive(&request, payload).await?;
            let canonical: Value = serde_json::from_slice(&bytes).map_err(|error| malformed(&error))?;
            refuse_shape(&request, &canonical)?;
            refuse_nul(&canonical)?;
            // From the bytes: a member that is given twice is seen only there.
            let _once: Once = parse(&bytes)?;
            let value = parse(&bytes)?;
            Ok(Self { value, canonical: canonical.to_string().into_bytes() })
        })
    }
}

fn require_json(request: &HttpRequest) -> Result<()> {
    let refuse = |detail: &str| Err(Problem::new(Code::RequestUnsupportedMedia, detail));
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        return refuse("Send the body with `Content-Type: application/json`.");
    }
    if request.headers().get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return refuse("Send the body without a `Content-Encoding`.");
    }
    Ok(())
}

/// Reads a body whole, within the limits of size and time.
pub(super) async fn receive(request: &HttpRequest, mut payload: Payload) -> Result<Vec<u8>> {
    let Some(state) = request.app_data::<web::Data<State>>() else {
        return Err(Problem::of_status(actix_web::http::StatusCode::INTERNAL_SERVER_ERROR));
    };
    let max = state.config.max_body_bytes;
    let too_large = || Problem::new(Code::RequestTooLarge, format!("The body may have {max} bytes at most."));
    let announced = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse::<usize>().ok());
    if announced.is_some_and(|length| length > max) {
        return Err(too_large());
    }
    let receiving = async {
        let mut bytes = Vec::with_capacity(announced.unwrap_or(0).min(max));
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_| Problem::malformed("The body ended before it was complete."))?;
            if bytes.len() + chunk.len() > max {
                return Err(too_large());
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    };
    tokio::time::timeout(state.config.client_timeout, receiving)
        .await
        .map_err(|_| Problem::malformed("The body did not arrive in time."))?
}

/// What has another shape than the route's document says.
fn refuse_shape(request: &HttpRequest, value: &Value) -> Result<()> {
    let Some(reads) = surface::of_route(request) else { return Ok(()) };
    let fields = reads.body().map(|(schema, schemas)| shape::problems(schemas, schema, value)).unwrap_or_default();
    if fields.is_empty() { Ok(()) } else { Err(Problem::invalid(fields)) }
}

/// Reads a body; what is wrong is named by its JSON pointer.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let mut pointer = pointer(error.path().iter());
        let error = error.into_inner();
        if error.classify() != Category::Data {
            return malformed(&error);
        }
        let message = message(&error.to_string());
        if let Some(field) = named_field(&message) {
            let escaped = shape::pointer_to("", field);
            // Some errors carry the field in the path already.
            if !pointer.ends_with(&escaped) {
                pointer.push_str(&escaped);
            }
        }
        Problem::invalid(vec![FieldError { pointer, message }])
    })?;
    reader.end().map_err(|error| malformed(&error))?;
    Ok(value)
}

fn malformed(error: &serde_json::Error) -> Problem {
    // Syntax errors name a place, never a value.
    Problem::malformed(format!("The body is not JSON that can be read: {error}."))
}

fn pointer<'a>(path: impl Iterator<Item = &'a Segment>) -> String {
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => {
                pointer.push('/');
                pointer.push_str(&index.to_string());
            }
            Segment::Map { key } => {
                pointer = shape::pointer_to(&pointer, key);
            }
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer
}

/// Serde's message without the place, which the pointer tells better, and without what was sent, which may be a secret.
fn message(text: &str) -> String {
    let text = text.rsplit_once(" at line ").map_or(text, |(message, _)| message);
    let found = ["invalid type: ", "invalid value: ", "unknown variant "].iter().any(|start| text.starts_with(start));
    match text.rsplit_once(", expected ") {
        Some((_, expected)) if found && (expected == "a map" || expected.starts_with("struct ")) => {
            "must be an object".to_owned()
        }
        Some((_, expected)) if found => format!("must be {}", whole_number(expected).as_deref().unwrap_or(expected)),
        _ => text.to_owned(),
    }
}

/// What a type of ours means to people.
fn whole_number(name: &str) -> Option<String> {
    let bits: u32 = name.strip_prefix('u')?.parse().ok().filter(|bits| matches!(bits, 8 | 16 | 32 | 64))?;
    Some(format!("a whole number from 0 to {}", u64::MAX >> (64 - bits)))
}

/// U+0000 is in no name or text that anybody means, and PostgreSQL cannot store it.
fn refuse_nul(value: &Value) -> Result<()> {
    let mut fields = Vec::new();
    find_nul(value, "", &mut fields);
    if fields.is_empty() { Ok(()) } else { Err(Problem::invalid(fields)) }
}

fn find_nul(value: &Value, pointer: &str, fields: &mut Vec<FieldError>) {
    if fields.len() >= MISTAKES {
        return;
    }
    let mut refuse = || {
        fields
            .push(FieldError { pointer: pointer.to_owned(), message: "must not have the character U+0000".to_owned() });
    };
    match value {
        Value::String(text) if text.contains('\0') => refuse(),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                find_nul(item, &format!("{pointer}/{index}"), fields);
            }
        }
        Value::Object(members) => {
            if members.keys().any(|key| key.contains('\0')) {
                refuse();
            }
            for (key, member) in members {
                find_nul(member, &shape::pointer_to(pointer, key), fields);
            }
        }
        _ => {}
    }
}

/// The field that a message is about, when serde names one.
fn named_field(message: &str) -> Option<&str> {
    let starts = ["unknown field `", "missing field `", "duplicate field `"];
    let rest = starts.into_iter().find_map(|start| message.strip_prefix(start))?;
    rest.split_once('`').map(|(field, _)| field)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape matters")]
    struct Outer {
        inner: Inner,
        list: Option<Vec<Inner>>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape matters")]
    struct Inner {
        size: u32,
    }

    fn refusal(body: &str) -> (Code, Vec<String>) {
        let problem = parse::<Outer>(body.as_bytes()).unwrap_err();
        (problem.code, problem.fields.iter().map(|field| field.pointer.clone()).collect())
    }

    #[test]
    fn wrong_values_are_pointed_at() {
        for (body, pointer) in [
            (r#"{"inner":{"size":"x"}}"#, "/inner/size"),
            (r#"{"inner":{"size":1,"extra":2}}"#, "/inner/extra"),
            (r#"{"inner":{"size":1,"a/b":2}}"#, "/inner/a~1b"),
            (r#"{"inner":{}}"#, "/inner/size"),
            (r"{}", "/inner"),
            (r#"{"inner":{"size":1},"list":[{"size":1},{"size":-1}]}"#, "/list/1/size"),
            (r#"{"inner":{"size":1,"size":2}}"#, "/inner/size"),
            (r"7", ""),
        ] {
            assert_eq!(refusal(body), (Code::RequestInvalid, vec![pointer.to_owned()]), "{body}");
        }
    }

    #[test]
    fn a_member_is_given_once_wherever_it_is() {
        for (body, pointer) in [
            (r#"{"config":{"a":1,"b":{"c":1,"c":1}}}"#, "/config/b/c"),
            (r#"{"credential":{"secret":"x","\u0073ecret":"y"}}"#, "/credential/secret"),
            (r#"{"list":[{},{"a/b":1,"a/b":1.5e3}]}"#, "/list/1/a~1b"),
            (r#"{"a":{"a":null,"a":true}}"#, "/a/a"),
        ] {
            let problem = parse::<Once>(body.as_bytes()).err().unwrap();
            let pointers: Vec<_> = problem.fields.iter().map(|field| field.pointer.as_str()).collect();
            assert_eq!((problem.code, pointers), (Code::RequestInvalid, vec![pointer]), "{body}");
        }
        assert!(parse::<Once>(br#"{"a":{"a":[-1,1.5,18446744073709551615,"a",null,false]},"b":{"a":{}}}"#).is_ok());
    }

    #[test]
    fn what_is_no_json_is_malformed() {
        for body in ["", "{", "{}x", "nul", "\u{feff}{}", r#"{"inner":{"size":1}} {}"#] {
            assert_eq!(
                parse::<Outer>(body.as_bytes()).unwrap_err().code,
                if body == "{}x" { Code::RequestInvalid } else { Code::RequestMalformed },
                "{body:?}"
            );
        }
        assert_eq!(parse::<Outer>(&[0xff, 0xfe]).unwrap_err().code, Code::RequestMalformed);
    }

    #[test]
    fn no_message_repeats_what_was_sent() {
        #[derive(Debug, Deserialize)]
        #[expect(dead_code, reason = "only its shape matters")]
        struct Strict {
            kind: Option<Kind>,
            size: Option<u8>,
        }
        #[derive(Debug, Deserialize)]
        #[serde(rename_all = "snake_case")]
        enum Kind {
            Full,
            Half,
        }
        for (body, expected) in [
            (r#""CANARY""#, "must be an object"),
            (r#"{"kind":"CANARY, expected `x`"}"#, "must be `full` or `half`"),
            (r#"{"size":"CANARY"}"#, "must be a whole number from 0 to 255"),
            (r#"{"size":777}"#, "must be a whole number from 0 to 255"),
        ] {
            let problem = parse::<Strict>(body.as_bytes()).unwrap_err();
            assert_eq!(problem.fields[0].message, expected, "{body}");
        }
    }

    #[test]
    fn nul_is_pointed_at_wherever_it_is() {
        let problem = refuse_nul(&serde_json::json!({"a": ["x", "\0"], "b/c": {"d\0": 1}})).unwrap_err();
        let pointers: Vec<_> = problem.fields.iter().map(|field| field.pointer.as_str()).collect();
        assert_eq!(pointers, ["/a/1", "/b~1c"]);
    }

    #[test]
    fn deep_nesting_is_malformed_and_does_not_overflow() {
        let body = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(parse::<Value>(body.as_bytes()).unwrap_err().code, Code::RequestMalformed);
    }
}
