//! Answers that are valid and far too large: each meets a limit that names itself, and nothing grows with the square of them.

use std::sync::Arc;

use gangway_domain::{
    record::Stream,
    schema::{Catalogue, DiscoveryMethod},
};
use gangway_egress::{Class, Response};
use serde_json::{Map, Value, json};

use super::{
    connection, first_page,
    vendor::{Script, list, refusal, token},
};
use crate::contract::{Checkpoint, DiscoverRequest, Error, ErrorKind, Page, ReadAbsenceTypes, Result, Retry};

async fn discover(answers: impl IntoIterator<Item = Response>) -> Result<Catalogue> {
    let connection = connection(Arc::new(Script::new(answers))).await;
    connection.discovery().unwrap().discover(DiscoverRequest::new(Class::Interactive)).await
}

async fn listed(entries: Value) -> Result<Catalogue> {
    discover([token("a"), list(&entries)]).await
}

async fn union(records: Value) -> Result<Catalogue> {
    discover([token("a"), refusal(403, 0), list(&records), list(&json!([]))]).await
}

async fn read(stream: Stream, checkpoint: Option<&str>, items: &Value) -> Result<Page> {
    let connection = connection(Arc::new(Script::new([token("a"), list(items)]))).await;
    let request = first_page(stream).with_checkpoint(checkpoint.map(Checkpoint::from_stored));
    connection.source().unwrap().read_page(request).await
}

fn entries(n: usize) -> Value {
    (0..n).map(|at| json!({"key": format!("dynamic_{at}"), "label": "L"})).collect()
}

/// An employee with this many attributes beside the id.
fn employee(id: usize, first: usize, n: usize) -> Value {
    let mut attributes: Map<String, Value> =
        (first..first + n).map(|at| (format!("dynamic_{at}"), json!({"value": 1}))).collect();
    attributes.insert("id".to_owned(), json!({"value": id}));
    json!({"type": "Employee", "attributes": attributes})
}

fn employees(n: usize) -> Value {
    (1..=n).map(|id| employee(id, 0, 0)).collect()
}

fn assert_refused(error: &Error, limit: &str) {
    assert_eq!((error.kind, error.retry), (ErrorKind::Protocol, Retry::Never), "{error}");
    assert!(error.message.contains(limit), "{error}");
}

#[tokio::test]
async fn a_list_of_attributes_beyond_the_limit_is_refused_by_name() {
    assert_eq!(listed(entries(5_000)).await.unwrap().attributes.len(), 5_000);
    assert_refused(&listed(entries(5_001)).await.unwrap_err(), "5000 attributes");
    assert_refused(&listed(entries(100_000)).await.unwrap_err(), "5000 attributes");
}

#[tokio::test]
async fn a_union_of_keys_beyond_the_limit_is_refused_by_name() {
    // With the id it is exactly the limit.
    let most = union(json!([employee(1, 0, 2_500), employee(2, 2_500, 2_499)])).await.unwrap();
    assert_eq!((most.method, most.attributes.len()), (DiscoveryMethod::UnionOfKeys, 5_000));
    let spread = json!([employee(1, 0, 2_500), employee(2, 2_500, 2_500)]);
    assert_refused(&union(spread).await.unwrap_err(), "5000 attributes");
    assert_refused(&union(json!([employee(1, 0, 50_000)])).await.unwrap_err(), "5000 attributes");
    assert_refused(&union(employees(401)).await.unwrap_err(), "400 records");
}

#[tokio::test]
async fn texts_of_the_catalogue_are_cut_at_a_letter() {
    let long = "ü".repeat(501);
    let options: Vec<&str> = std::iter::repeat_n(long.as_str(), 1_001).collect();
    let catalogue = listed(json!([
        {"key": "a", "label": long, "universal_id": long, "options": options},
        {"key": "k".repeat(16 * 1_024)},
        {"key": "k".repeat(16 * 1_024 + 1)},
    ]))
    .await
    .unwrap();
    let [first, second] = catalogue.attributes.as_slice() else { panic!("the longest key is left out") };
    let cut = "ü".repeat(500);
    assert_eq!((first.label.as_str(), first.universal_id.as_deref()), (cut.as_str(), Some(cut.as_str())));
    assert_eq!(first.options.len(), 1_000);
    assert!(first.options.iter().all(|option| *option == cut));
    assert_eq!((second.key.len(), second.label.len()), (16 * 1_024, 500));
}

#[tokio::test]
async fn texts_of_the_union_are_cut_too() {
    let long = "ü".repeat(501);
    let catalogue = union(json!([{"id": 1, "a": {"value": 1, "label": long, "universal_id": long},
        "k".repeat(16 * 1_024 + 1): 1}]))
    .await
    .unwrap();
    let found: Vec<_> = catalogue.attributes.iter().map(|found| found.key.as_str()).collect();
    assert_eq!(found, ["a", "id"]);
    assert_eq!(catalogue.attributes[0].label.chars().count(), 500);
    assert_eq!(catalogue.attributes[0].universal_id.as_ref().unwrap().chars().count(), 500);
}

#[tokio::test]
async fn nul_never_reaches_the_catalogue() {
    let listed = listed(json!([
        {"key": "a\u{0}b", "label": "left out"},
        {"key": "c", "label": "\u{0}L", "universal_id": "u\u{0}", "options": ["\u{0}", {"label": "o\u{0}"}]},
    ]))
    .await
    .unwrap();
    let union = union(json!([{"a\u{0}b": 1, "c": {"value": 1, "label": "\u{0}L", "universal_id": "u\u{0}"}}])).await;
    for (catalogue, options) in [(listed, &["\u{fffd}", "o\u{fffd}"][..]), (union.unwrap(), &[])] {
        let [only] = catalogue.attributes.as_slice() else { panic!("{catalogue:?}") };
        assert_eq!((only.key.as_str(), only.label.as_str()), ("c", "\u{fffd}L"));
        assert_eq!(only.universal_id.as_deref(), Some("u\u{fffd}"));
        assert_eq!(only.options, options);
    }
}

#[tokio::test]
async fn discovery_takes_smaller_answers_than_reading() {
    let script = Arc::new(Script::new([token("a"), refusal(403, 0), list(&json!([]))]));
    let connection = connection(script.clone()).await;
    connection.discovery().unwrap().discover(DiscoverRequest::new(Class::Sweep)).await.unwrap();
    let sent = script.sent.lock().unwrap();
    assert!(sent[1..].iter().all(|request| request.max_answer_bytes == 8 * 1_024 * 1_024));
}

#[tokio::test]
async fn a_page_of_a_vendor_that_ignores_the_limit_is_refused() {
    for stream in Stream::ALL {
        assert_eq!(read(stream, None, &employees(400)).await.unwrap().records.len(), 400);
        assert_refused(&read(stream, None, &employees(401)).await.unwrap_err(), "400 records");
    }
    let holes: Map<String, Value> = (0..401).map(|id| (id.to_string(), employee(id, 0, 0))).collect();
    assert_refused(&read(Stream::Employees, None, &Value::Object(holes)).await.unwrap_err(), "400 records");
    let numbers = Value::Array(vec![json!(0); 1_000_000]);
    assert_refused(&read(Stream::Employees, None, &numbers).await.unwrap_err(), "400 records");
}

#[tokio::test]
async fn the_checkpoint_of_the_fullest_page_is_small_and_finds_the_repetition() {
    let first = read(Stream::Employees, None, &employees(400)).await.unwrap().next.unwrap();
    assert!(first.as_str().len() < 16 * 1_024);
    let again = read(Stream::Employees, Some(first.as_str()), &employees(400)).await.unwrap();
    assert!(again.done && again.records.is_empty());
    let ids = (0..401).map(|id| id.to_string()).collect::<Vec<_>>().join(",");
    let oversized = first.as_str().replace("\"last\":[", &format!("\"last\":[{ids},"));
    let error = read(Stream::Employees, Some(&oversized), &employees(1)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused);
}

#[tokio::test]
async fn a_record_with_too_many_attributes_is_set_aside_alone() {
    let items = json!([employee(1, 0, 4_999), employee(2, 0, 5_000), employee(3, 0, 1)]);
    let page = read(Stream::Employees, None, &items).await.unwrap();
    assert_eq!(page.records.iter().map(|record| record.attributes.len()).collect::<Vec<_>>(), [5_000, 2]);
    assert_eq!(page.bad.len(), 1);
    assert!(page.bad[0].reason.contains("more than 5000"), "{}", page.bad[0].reason);
}

#[tokio::test]
async fn attributes_beside_and_repeated_count_together() {
    let object = |from: usize| (from..from + 2_600).map(|at| format!("\"k{at}\":1")).collect::<Vec<_>>().join(",");
    let repeated = format!(r#"{{"id":7,"attributes":{{{}}},"attributes":{{{}}}}}"#, object(0), object(2_600));
    let answer = super::vendor::answer(200, format!("[{repeated},{}]", employee(3, 0, 1)));
    let connection = connection(Arc::new(Script::new([token("a"), answer]))).await;
    let page = connection.source().unwrap().read_page(first_page(Stream::Employees)).await.unwrap();
    assert_eq!((page.records.len(), page.bad.len()), (1, 1));
}

#[tokio::test]
async fn values_without_end_set_only_their_record_aside() {
    let tags = |n: usize| vec!["x"; n].join(",");
    let wrapped = |value: Value| json!({"value": value, "type": "tags"});
    let page = read(
        Stream::Employees,
        None,
        &json!([
            {"id": 1, "dynamic_1": wrapped(json!(tags(5_000)))},
            {"id": 2, "dynamic_1": wrapped(json!(tags(5_001)))},
            {"id": 3, "dynamic_1": wrapped(json!(vec!["x"; 5_001]))},
            {"id": 4, "dynamic_1": wrapped(json!(format!("[{}1]", "1,".repeat(5_000))))},
            {"id": 5, "dynamic_1": vec![vec![1; 4_000]; 20]},
            {"id": 6, "dynamic_1": wrapped(json!(json!(vec![vec![1; 4_000]; 20]).to_string()))},
            {"id": 7, "cost_centers": {"value": vec![json!({"id": 1}); 5_001]}},
            {"id": 8, "dynamic_1": ",[{".repeat(100_000)},
        ]),
    )
    .await
    .unwrap();
    let read: Vec<_> = page.records.iter().map(|record| record.external.id.as_str()).collect();
    let bad: Vec<_> = page.bad.iter().map(|bad| bad.external_id.as_deref().unwrap()).collect();
    assert_eq!((read, bad), (vec!["1", "8"], vec!["2", "3", "4", "5", "6", "7"]));
}

#[tokio::test]
async fn absence_types_have_an_end() {
    let types = |n: usize| list(&(0..n).map(|id| json!({"id": id, "name": "Urlaub"})).collect());
    let ask = async |checkpoint: Option<&str>, answer: Response| {
        let connection = connection(Arc::new(Script::new([token("a"), answer]))).await;
        let mut request = ReadAbsenceTypes::new(Class::Sweep);
        if let Some(text) = checkpoint {
            request = request.with_checkpoint(Some(Checkpoint::from_stored(text)));
        }
        connection.source().unwrap().read_absence_types(request).await
    };
    assert_refused(&ask(None, types(401)).await.unwrap_err(), "400 records");
    let far = r#"{"types_from":10000,"last":[]}"#;
    assert_refused(&ask(Some(far), types(60)).await.unwrap_err(), "10000 absence types");
}
