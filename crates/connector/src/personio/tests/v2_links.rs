//! Version 2's links to the next page: followed only where they lead back to the list that was asked, and never for ever.

use gangway_domain::record::Stream;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    super::v2::Position,
    v2::{Bench, PATH, token},
    vendor::{Script, answer},
};
use crate::contract::{Checkpoint, Error, ErrorKind, Result};

const OPERATION: &str = "read attendances";

/// What follows from a page with this `_meta`.
async fn after(position: &Position, meta: &Value) -> Result<Option<Position>> {
    let body = json!({"_data": [], "_meta": meta}).to_string();
    let bench = Bench::new(Script::new([token("a"), answer(200, body)]));
    let document = bench.list().await.map_err(Error::from)?;
    bench.client.next(OPERATION, position, &document)
}

async fn after_link(position: &Position, href: &str) -> Result<Option<Position>> {
    after(position, &json!({"links": {"self": {"href": "x"}, "next": {"href": href}}})).await
}

fn first() -> Position {
    Position::start(Stream::Attendances, PATH)
}

#[tokio::test]
async fn a_link_is_followed_as_it_was_given() {
    for href in [
        "https://api.personio.de/v2/attendance-periods?cursor=a%2Bb%26c&limit=100",
        "https://api.personio.de:443/v2/attendance-periods?cursor=a%2Bb%26c&limit=100",
        "/v2/attendance-periods?cursor=a%2Bb%26c&limit=100",
        "?cursor=a%2Bb%26c&limit=100",
    ] {
        let next = after_link(&first(), href).await.unwrap().unwrap();
        let expected = [("cursor", "a+b&c"), ("limit", "100")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(next.query().unwrap(), expected, "{href}");
    }
}

#[tokio::test]
async fn a_link_that_leads_elsewhere_is_refused() {
    for href in [
        "https://evil.example/v2/attendance-periods?cursor=a",
        "https://api.personio.de.evil.example/v2/attendance-periods?cursor=a",
        "https://api.personio.de@evil.example/v2/attendance-periods?cursor=a",
        "https://user@api.personio.de/v2/attendance-periods?cursor=a",
        "http://api.personio.de/v2/attendance-periods?cursor=a",
        "https://api.personio.de:8443/v2/attendance-periods?cursor=a",
        "//evil.example/v2/attendance-periods?cursor=a",
        "\\\\evil.example/v2/attendance-periods?cursor=a",
        "https://api.personio.de/v2/persons?cursor=a",
        "https://api.personio.de/v2/attendance-periods/?cursor=a",
        "https://api.personio.de/v2/attendance-periods/../persons?cursor=a",
        "https://api.personio.de/v2/attendance%2Dperiods?cursor=a",
        "data:text/plain,cursor=a",
        "https://",
    ] {
        let error = after_link(&first(), href).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Protocol, "{href}");
        assert!(error.message.contains("another address") && !error.message.contains("evil"), "{href}: {error}");
    }
}

#[tokio::test]
async fn a_link_without_a_usable_cursor_is_refused() {
    let many = format!("?cursor=a{}", "&x=1".repeat(60));
    let long = format!("?cursor={}", "a".repeat(10_000));
    for href in ["?limit=100", "?cursor=", "/v2/attendance-periods", &many, &long] {
        assert_eq!(after_link(&first(), href).await.unwrap_err().kind, ErrorKind::Protocol, "{href}");
    }
}

#[tokio::test]
async fn no_link_is_the_end() {
    for meta in [
        json!(null),
        json!({}),
        json!({"links": null}),
        json!({"links": {}}),
        json!({"links": {"next": null}}),
        json!({"links": {"next": {}}}),
        json!({"links": {"next": {"href": null}}}),
        json!({"links": {"next": {"href": ""}}}),
    ] {
        assert_eq!(after(&first(), &meta).await.unwrap(), None, "{meta}");
    }
    for meta in
        [json!("x"), json!({"links": 7}), json!({"links": {"next": 7}}), json!({"links": {"next": {"href": 7}}})]
    {
        assert_eq!(after(&first(), &meta).await.unwrap_err().kind, ErrorKind::Protocol, "{meta}");
    }
}

#[tokio::test]
async fn cursors_that_come_again_end_the_read_with_an_error() {
    for (before, cycle) in [(0, 1), (0, 2), (1, 1), (3, 1), (5, 3), (0, 7), (40, 9)] {
        let mut position = first();
        let mut n_read = 0;
        let error = loop {
            let cursor = if n_read < before { n_read } else { before + (n_read - before) % cycle };
            match after_link(&position, &format!("?cursor=c{cursor}")).await {
                Ok(next) => position = next.unwrap(),
                Err(error) => break error,
            }
            n_read += 1;
            assert!(n_read < 4 * (before + cycle) + 4, "{before} then {cycle} for ever");
        };
        assert_eq!(error.kind, ErrorKind::Protocol);
        assert!(error.message.contains("no end"), "{error}");
        assert!(n_read >= before, "{before} then {cycle}: ended after {n_read}");
    }
}

#[tokio::test]
async fn cursors_that_differ_go_on() {
    let mut position = first();
    for n in 0..300 {
        position = after_link(&position, &format!("?cursor=c{n}")).await.unwrap().unwrap();
    }
    let checkpoint = Checkpoint::pack(OPERATION, &position).unwrap();
    assert!(checkpoint.as_str().len() < 300, "checkpoints stay small");
    assert_eq!(Position::resume(&checkpoint, Stream::Attendances, PATH, OPERATION).unwrap(), position);
}

#[tokio::test]
async fn damaged_and_foreign_checkpoints_are_refused() {
    let position = after_link(&first(), "?cursor=c").await.unwrap().unwrap();
    let good = Checkpoint::pack(OPERATION, &position).unwrap();
    assert!(Position::made(&good));
    let v1 = r#"{"v":1,"stream":"attendances","count_by":"items","offset":200,"limit":200,"pages":1,"items":200,
        "fullest":200,"first_page":0,"total":null,"last":[]}"#;
    assert!(!Position::made(&Checkpoint::from_stored(v1)));
    for text in [
        v1.to_owned(),
        good.as_str().replace("\"v\":1", "\"v\":2"),
        good.as_str().replace("attendances", "absences"),
        good.as_str().replace("attendance-periods", "persons"),
        good.as_str().replace("\"pages\":1", "\"pages\":4000000000"),
        good.as_str().replace("\"pages\":1", "\"pages\":0"),
        good.as_str().replace("\"cursor\"", "\"curse\""),
        String::new(),
        "{}".to_owned(),
    ] {
        let resumed = Position::resume(&Checkpoint::from_stored(text.as_str()), Stream::Attendances, PATH, OPERATION);
        assert_eq!(resumed.unwrap_err().kind, ErrorKind::Refused, "{text}");
    }
}

proptest! {
    #[test]
    fn any_link_is_followed_or_refused(href in ".{0,60}", prefix in prop::sample::select(vec!["", "https://", "/v2/", "?cursor="])) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        drop(runtime.block_on(after_link(&first(), &format!("{prefix}{href}"))));
    }
}
