//! What is served beside `/v1`: health, the reference page without anything from elsewhere, and hardening headers.

use std::io::Read as _;

use flate2::read::GzDecoder;
use gangway_testkit::{Answer, TestApp, TestDb};

/// The files of the reference page lie packed in the binary.
fn body(answer: &Answer) -> String {
    if answer.header("content-encoding") != Some("gzip") {
        return String::from_utf8_lossy(&answer.bytes).into_owned();
    }
    let mut text = String::new();
    GzDecoder::new(answer.bytes.as_slice()).read_to_string(&mut text).unwrap();
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_reference_page_comes_whole_from_the_binary() {
    let app = TestApp::on(TestDb::sqlite().await).start().await;
    let home = app.client.get("", "/").await;
    assert!(home.status == 200 && body(&home).contains("/docs"));
    let page = app.client.get("", "/docs/").await;
    assert_eq!(page.status, 200);
    let html = body(&page);
    let mut n_assets = 0;
    for asset in html
        .split(['"', '\''])
        .filter(|text| text.starts_with("./") || [".js", ".css"].iter().any(|end| text.ends_with(end)))
    {
        assert!(!asset.contains("//"), "{asset} is not ours");
        let path = format!("/docs/{}", asset.trim_start_matches("./"));
        assert_eq!(app.client.get("", &path).await.status, 200, "{path}");
        n_assets += 1;
    }
    assert!(n_assets > 4, "{html}");
    assert_eq!(app.client.get("", "/docs").await.status, 200);
    for address in ["/docs/errors", "/docs/errors/"] {
        let errors = app.client.get("", address).await;
        assert!(body(&errors).contains("id=\"object.stale\""), "{address}");
    }
    let document = app.client.get("", "/openapi.json").await.expect(200);
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert_eq!(document["servers"], serde_json::json!([{"url": "/"}]));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_code_has_a_page_that_problems_lead_to() {
    let app = TestApp::on(TestDb::sqlite().await).start().await;
    let all = body(&app.client.get("", "/docs/errors").await);
    for code in gangway_domain::Code::ALL {
        let address = format!("/docs/errors/{code}");
        let page = app.client.get("", &address).await;
        assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")), "{code}");
        let page = body(&page);
        assert!(page.contains(code.title()) && page.contains("What to do:"), "{page}");
        assert!(all.contains(&address), "{code}");
    }
    let problem = app.client.get("", "/v1/keys").await;
    let address = problem.body["type"].as_str().unwrap();
    assert!(body(&app.client.get("", address).await).contains("key.missing"), "{address}");
    let unknown = app.client.get("", "/docs/errors/nothing").await;
    assert_eq!((unknown.status, &unknown.body["code"]), (404, &serde_json::json!("route.not-found")));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_is_hardened_and_named() {
    let app = TestApp::on(TestDb::sqlite().await).start().await;
    for path in ["/", "/docs/", "/healthz", "/readyz", "/v1/keys", "/nothing", "/openapi.json"] {
        let answer = app.client.get("", path).await;
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert!(answer.header("x-request-id").unwrap().starts_with("req_"), "{path}");
        let is_html = answer.header("content-type").unwrap().starts_with("text/html");
        assert_eq!(answer.header("content-security-policy").is_some(), is_html, "{path}");
    }
    app.client.get("", "/healthz").await.expect(200);
    app.client.get("", "/readyz").await.expect(200);
    app.stop().await;
}
