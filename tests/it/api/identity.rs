//! How an operator makes itself known to a vendor: in headers of every request, the login too.

use std::collections::BTreeMap;

use gangway_app::Config;
use gangway_testkit::{TestApp, on_both_databases};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::support::text;

/// Answers one request as a vendor that knows nobody, and shows the request.
async fn refuse(listener: &TcpListener) -> String {
    const BODY: &str = r#"{"success":false,"error":{"code":0,"message":"no"}}"#;
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut request = Vec::new();
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
    }
    let head = format!(
        "HTTP/1.1 403 Forbidden\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        BODY.len()
    );
    stream.write_all(format!("{head}{BODY}").as_bytes()).await.unwrap();
    String::from_utf8(request).unwrap()
}

on_both_databases! {
    async fn the_vendor_is_told_whose_software_asks(db: TestDb) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let set = vec![("partner_id", "ACME_SOFTWARE".to_owned()), ("app_id", "ACME_SYNC".to_owned())];
        let config = Config {
            connector_origins: vec![origin.parse().unwrap()],
            identity: BTreeMap::from([("personio".to_owned(), set)]),
            ..Config::default()
        };
        let app = TestApp::on(db).config(config).unpaced().start().await;
        let tenant = app.onboard("Acme").await;
        let body = json!({
            "connector": "personio", "name": "Other", "config": {"base_url": origin, "api": "v1"},
            "credential": {"client_id": "somebody", "client_secret": "else"},
        });
        let created = app.client.post(&tenant.key, "/v1/connections", &body).await.expect(201);
        let check = format!("/v1/connections/{}/check", text(&created, "id"));
        let no_body = json!({});
        let (answer, request) = tokio::join!(app.client.post(&tenant.key, &check, &no_body), refuse(&listener));
        assert_eq!(answer.expect(200)["ok"], false);
        for line in ["x-personio-partner-id: ACME_SOFTWARE", "x-personio-app-id: ACME_SYNC"] {
            assert!(request.contains(&format!("\r\n{line}\r\n")), "{line} is not in {request}");
        }
        app.stop().await;
    }
}
