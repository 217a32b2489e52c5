//! One trace, from a client's own span through the request and its job to the calls to the vendor, as a collector gets it.

use gangway_testkit::eventually;
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest, common::v1::any_value::Value as AnyValue, trace::v1::Span,
};
use prost::Message as _;
use reqwest::Method;
use serde_json::json;

use super::{
    demo::{LAST, demo},
    end_state::{client, line},
    process::Process,
};
use crate::canary::collector::Collector;

const FLAGS: &str = "--people 12 --listen 127.0.0.1:0 --sandbox-listen 127.0.0.1:0";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

fn spans(collector: &Collector) -> Vec<Span> {
    let requests = collector.bodies("/v1/traces");
    let decoded = requests.iter().map(|body| ExportTraceServiceRequest::decode(body.as_slice()).expect("it is OTLP"));
    decoded
        .flat_map(|request| request.resource_spans)
        .flat_map(|resource| resource.scope_spans)
        .flat_map(|scope| scope.spans)
        .collect()
}

fn text<'a>(span: &'a Span, name: &str) -> &'a str {
    let found = span.attributes.iter().find(|attribute| attribute.key == name);
    match found.and_then(|attribute| attribute.value.as_ref()?.value.as_ref()) {
        Some(AnyValue::StringValue(text)) => text,
        _ => "",
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_goes_from_the_caller_through_the_request_and_the_job_to_the_vendor() {
    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::start().await;
    let mut command = demo(&folder.path().join("data"), FLAGS);
    // `p@ss`, as an address writes it.
    let endpoint = collector.endpoint().replace("http://", "http://gangway:p%40ss@");
    command.env("GANGWAY__TELEMETRY__OTLP_ENDPOINT", endpoint);
    let mut running = Process::start(command);
    let lines = running.read_until(LAST).await;
    let (api, key) = (client(&lines), line(&lines, "tenant key: "));

    let strange = Method::from_bytes(b"4111111111111111").unwrap();
    api.send(api.request(strange, key, "/v1/syncs")).await.expect(405);
    let syncs = api.list(key, "/v1/syncs").await;
    let sync = syncs.iter().find(|sync| sync["stream"] == "employees").unwrap()["id"].as_str().unwrap();
    let runs = format!("/v1/syncs/{sync}/runs");
    let start = api.request(Method::POST, key, &runs).header("traceparent", format!("00-{TRACE}-{CALLER}-01"));
    let run = api.send(start.json(&json!({"mode": "full"}))).await.expect(202);
    let run = format!("/v1/sync-runs/{}", run["id"].as_str().unwrap());
    eventually("the run to end", async || api.get(key, &run).await.expect(200)["state"] == "completed").await;
    running.stop().await;

    let spans = spans(&collector);
    assert!(
        spans.iter().any(|span| text(span, "http.request.method") == "other"),
        "whatever a stranger calls a method"
    );
    let bodies = collector.bodies("/v1/traces").concat();
    assert!(!bodies.windows(16).any(|part| part == b"4111111111111111"));
    for path in ["/v1/traces", "/v1/metrics"] {
        let heads = collector.heads(path);
        let is_named = |head: &String| head.to_lowercase().contains("authorization: basic z2fuz3dhetpwqhnz");
        assert!(!heads.is_empty() && heads.iter().all(is_named), "{path}: {heads:?}");
    }
    let asked =
        spans.iter().find(|span| hex(&span.trace_id) == TRACE && span.name == "http.request").expect("the request");
    assert_eq!(hex(&asked.parent_span_id), CALLER, "the caller's span is its parent");
    assert_eq!(text(asked, "http.route"), "/v1/syncs/{id}/runs");
    let is_its_job = |span: &&Span| {
        span.name == "job.run"
            && span.links.iter().any(|link| link.trace_id == asked.trace_id && link.span_id == asked.span_id)
    };
    let job = spans.iter().find(is_its_job).expect("a job that links to the request");
    assert_eq!(text(job, "job.kind"), "run-sync");
    let calls: Vec<&Span> =
        spans.iter().filter(|span| span.name == "vendor.request" && span.trace_id == job.trace_id).collect();
    let is_below = |span: &Span| {
        let mut parent = &span.parent_span_id;
        while let Some(above) = spans.iter().find(|above| above.span_id == *parent) {
            if above.span_id == job.span_id {
                return true;
            }
            parent = &above.parent_span_id;
        }
        *parent == job.span_id
    };
    assert!(!calls.is_empty() && calls.iter().all(|call| is_below(call)), "{calls:#?}");
    assert!(calls.iter().any(|call| text(call, "http.route").contains("/employees")), "{calls:#?}");
}
