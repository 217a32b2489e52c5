//! The client and the vendor port against a small server on this machine.

#[cfg(test)]
mod server;

#[cfg(test)]
mod tests {
    use std::{io::Write, process::Command, sync::Arc, time::Duration};

    use flate2::{Compression, write::GzEncoder};
    use gangway_egress::{
        Body, BudgetKey, Budgets, Class, Client, ClientConfig, Error, ErrorKind, HttpPort, Method, Origin, PathLimit,
        Policy, Post, Request, Response, VendorPort, VendorPortConfig, vendor::PortError,
    };
    use secrecy::SecretString;

    use crate::server::{Reply, Server};

    const KEY: BudgetKey = BudgetKey::new([9; 32]);
    const TEMPLATE: &str = "/v1/people/{id}";

    fn policy() -> Policy {
        Policy { pacing: false, ..Policy::default() }
    }

    fn client(server: &Server) -> Client {
        client_with_timeout(server, Duration::from_secs(20))
    }

    fn client_with_timeout(server: &Server, request_timeout: Duration) -> Client {
        let allowed_origins = vec![server.origin()];
        Client::new(ClientConfig { request_timeout, allowed_origins, ..ClientConfig::default() }).unwrap()
    }

    fn port_config(server: &Server, policy: Policy) -> VendorPortConfig {
        VendorPortConfig {
            base_url: format!("{}/base/", server.origin()).parse().unwrap(),
            allowed_origins: Vec::new(),
            budget_key: KEY,
            policy: Arc::new(policy),
            budgets: Budgets::default(),
            max_wait: Duration::ZERO,
            headers: Vec::new(),
        }
    }

    fn port(server: &Server) -> VendorPort {
        client(server).vendor_port(port_config(server, policy())).unwrap()
    }

    fn get() -> Request {
        Request::new(Method::Get, TEMPLATE, "/v1/people/7", Class::Interactive)
    }

    async fn answer(reply: Reply, request: Request) -> Result<Response, Error> {
        let server = Server::new(vec![reply]).await;
        let port = port(&server);
        server.during(port.send(request)).await
    }

    async fn failure(reply: Reply, request: Request) -> ErrorKind {
        answer(reply, request).await.unwrap_err().kind
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[tokio::test]
    async fn sends_path_query_headers_token_and_body_to_the_base_url() {
        let server = Server::new(vec![Reply::ok("{}")]).await;
        let port = port(&server);
        let mut request = Request::new(Method::Post, TEMPLATE, "/v1/people/a%2Fb", Class::Flow);
        request.query = vec![("q".into(), "a&b=c".into()), ("q".into(), "ü".into())];
        request.headers = vec![("x-partner", "gangway".into())];
        request.bearer = Some(SecretString::from("token"));
        request.body = Body::Json(SecretString::from(r#"{"a":1}"#));
        let response = server.during(port.send(request)).await.unwrap();
        assert_eq!((response.status, response.body.as_ref()), (200, b"{}".as_slice()));
        let seen = server.seen();
        assert!(seen[0].starts_with("POST /base/v1/people/a%2Fb?q=a%26b%3Dc&q=%C3%BC HTTP/1.1\r\n"), "{}", seen[0]);
        for line in
            ["x-partner: gangway", "authorization: Bearer token", "content-type: application/json", "\r\n\r\n{\"a\":1}"]
        {
            assert!(seen[0].contains(line), "{line} in {}", seen[0]);
        }
        assert!(!seen[0].contains("traceparent"));
    }

    #[tokio::test]
    async fn headers_of_the_port_go_with_every_request_and_never_replace_ours() {
        let server = Server::new(vec![Reply::ok(""), Reply::ok("")]).await;
        let with = |headers: Vec<(&'static str, String)>| {
            client(&server).vendor_port(VendorPortConfig { headers, ..port_config(&server, policy()) })
        };
        let port = with(vec![("x-partner", "ACME".to_owned())]).unwrap();
        for _ in 0..2 {
            server.during(port.send(get())).await.unwrap();
        }
        assert!(server.seen().iter().all(|request| request.contains("\r\nx-partner: ACME\r\n")), "{:?}", server.seen());
        for (name, value) in [("authorization", "x"), ("host", "x"), ("x y", "x"), ("x-partner", "a\r\nb: c")] {
            let refused = with(vec![(name, value.to_owned())]);
            assert!(matches!(refused, Err(PortError::Header(told)) if told == name), "{name}");
        }
    }

    #[tokio::test]
    async fn a_bare_post_tells_the_status_and_follows_nothing() {
        let elsewhere = Reply::status(307, &[("location", "http://127.0.0.1:1/")], "");
        let server = Server::new(vec![Reply::ok("unread"), elsewhere]).await;
        let client = client(&server);
        let post = |url: &str| Post {
            url: url.parse().unwrap(),
            headers: vec![("authorization".to_owned(), SecretString::from("as it was given"))],
            body: "{}".into(),
        };
        let hook = format!("{}/hook?a=b", server.origin());
        assert_eq!(server.during(client.post(post(&hook))).await.unwrap(), 200);
        assert_eq!(server.during(client.post(post(&hook))).await.unwrap(), 307);
        let seen = server.seen();
        assert!(seen[0].starts_with("POST /hook?a=b HTTP/1.1\r\n") && seen[0].ends_with("\r\n\r\n{}"), "{}", seen[0]);
        assert!(seen[0].contains("authorization: as it was given\r\n") && seen.len() == 2);
        for url in
            ["http://127.0.0.1:1/", "https://127.0.0.1/", "http://hooks.example.org/", "ftp://hooks.example.org/"]
        {
            assert_eq!(client.post(post(url)).await.unwrap_err().kind, ErrorKind::Refused, "{url}");
        }
        let bad = Post { headers: vec![("a b".to_owned(), SecretString::from("x"))], ..post(&hook) };
        assert_eq!(client.post(bad).await.unwrap_err().kind, ErrorKind::Invalid);
    }

    #[tokio::test]
    async fn a_form_is_encoded() {
        let server = Server::new(vec![Reply::ok("")]).await;
        let port = port(&server);
        let mut request = Request::new(Method::Post, TEMPLATE, "/token", Class::Flow);
        request.body = Body::Form(vec![("client_secret".into(), SecretString::from("s&t"))]);
        server.during(port.send(request)).await.unwrap();
        assert!(server.seen()[0].ends_with("client_secret=s%26t"));
    }

    #[tokio::test]
    async fn a_path_that_would_lead_elsewhere_is_not_sent() {
        let server = Server::new(Vec::new()).await;
        let port = port(&server);
        for path in [
            "v1/people",
            "/v1/../admin",
            "/v1/%2e%2e/admin",
            "/v1/people/..",
            "/v1/people?x=1",
            "/v1/people#x",
            "/v1\\people",
            "/v1//people",
            "//evil.example/x",
            "/v1/pe ople",
            "/v1/pe\r\nople",
            "/v1/\t../x",
        ] {
            let error = port.send(Request::new(Method::Get, TEMPLATE, path, Class::Flow)).await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::Invalid, "{path}");
        }
        for (name, value) in [("host", "x"), ("Traceparent", "x"), ("x-ok", "a\r\nb: c"), ("x y", "z")] {
            let mut request = get();
            request.headers = vec![(name, value.into())];
            assert_eq!(port.send(request).await.unwrap_err().kind, ErrorKind::Invalid, "{name}");
        }
        assert!(server.seen().is_empty());
    }

    #[tokio::test]
    async fn a_redirect_comes_back_and_is_not_followed() {
        let server = Server::new(vec![Reply::status(302, &[("location", "http://127.0.0.1:1/secret")], "")]).await;
        let port = port(&server);
        let response = server.during(port.send(get())).await.unwrap();
        assert_eq!((response.status, response.header("location")), (302, Some("http://127.0.0.1:1/secret")));
        assert_eq!(server.seen().len(), 1);
    }

    #[tokio::test]
    async fn an_answer_over_the_cap_is_refused_announced_or_not() {
        let mut small = get();
        small.max_answer_bytes = 10;
        assert_eq!(failure(Reply::ok("12345678901"), small.clone()).await, ErrorKind::TooLarge);
        let unannounced = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n12345678901".to_vec();
        assert_eq!(failure(Reply::Raw(unannounced), small.clone()).await, ErrorKind::TooLarge);
        assert_eq!(answer(Reply::ok("1234567890"), small).await.unwrap().body.len(), 10);
    }

    #[tokio::test]
    async fn gzip_is_read_and_a_bomb_stopped_at_the_cap() {
        let encoded = [("content-encoding", "gzip")];
        let fine = Reply::bytes(200, &encoded, &gzip(b"hello"));
        assert_eq!(answer(fine, get()).await.unwrap().body.as_ref(), b"hello");
        let bomb = Reply::bytes(200, &encoded, &gzip(&vec![0; 64 * 1024 * 1024]));
        let mut request = get();
        request.max_answer_bytes = 1024 * 1024;
        assert_eq!(failure(bomb, request).await, ErrorKind::TooLarge);
        let damaged = Reply::bytes(200, &encoded, b"not gzip at all");
        assert_eq!(failure(damaged, get()).await, ErrorKind::Broken);
    }

    #[tokio::test]
    async fn headers_without_end_are_refused() {
        let many: String = (0..200).fold(String::new(), |text, index| text + &format!("x-{index}: 1\r\n"));
        let raw = format!("HTTP/1.1 200 OK\r\n{many}content-length: 0\r\n\r\n");
        assert!(answer(Reply::Raw(raw.into_bytes()), get()).await.is_err());
        let large = Reply::status(200, &[("x-large", &"a".repeat(40 * 1024))], "");
        assert_eq!(failure(large, get()).await, ErrorKind::TooLarge);
    }

    #[tokio::test]
    async fn a_slow_drip_ends_with_the_time_out_for_the_whole_request() {
        let server = Server::new(vec![Reply::Drip]).await;
        let client = client_with_timeout(&server, Duration::from_millis(300));
        let port = client.vendor_port(port_config(&server, policy())).unwrap();
        assert_eq!(server.during(port.send(get())).await.unwrap_err().kind, ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_cut_connection_is_told_from_one_that_never_was() {
        let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf".to_vec();
        assert_eq!(failure(Reply::Raw(cut), get()).await, ErrorKind::Broken);
        assert_eq!(failure(Reply::Raw(Vec::new()), get()).await, ErrorKind::Broken);
        assert_eq!(failure(Reply::Raw(b"no http here\r\n\r\n".to_vec()), get()).await, ErrorKind::Broken);
        let server = Server::new(Vec::new()).await;
        let port = port(&server);
        drop(server);
        let error = port.send(get()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Connect);
        assert!(error.to_string().contains("refused the connection"), "{error}");
    }

    #[tokio::test]
    async fn only_allowed_origins_get_a_port() {
        let server = Server::new(Vec::new()).await;
        let client = client(&server);
        let with = |base_url: &str, manifest: &[&str]| {
            let allowed_origins = manifest.iter().map(|origin| origin.parse::<Origin>().unwrap()).collect();
            let config = VendorPortConfig {
                base_url: base_url.parse().unwrap(),
                allowed_origins,
                ..port_config(&server, policy())
            };
            client.vendor_port(config).map(|_| ())
        };
        let vendor = "https://api.vendor.example";
        assert_eq!(with("https://API.vendor.example./v2", &[vendor]), Ok(()));
        for (base_url, manifest) in [
            ("https://evil.example", vendor),
            ("https://api.vendor.example:8443", vendor),
            ("http://api.vendor.example", "http://api.vendor.example"),
            ("https://127.0.0.1", "https://127.0.0.1"),
            ("https://[::ffff:10.0.0.1]", "https://[::ffff:10.0.0.1]"),
            ("https://169.254.169.254", "https://169.254.169.254"),
            ("http://127.0.0.1:1", vendor),
        ] {
            assert!(matches!(with(base_url, &[manifest]), Err(PortError::Refused { .. })), "{base_url}");
        }
        assert!(matches!(with("https://user:pw@api.vendor.example", &[vendor]), Err(PortError::BaseUrl(_))));
        assert_eq!(with("https://api.vendor.example/?key=1", &[vendor]), Err(PortError::NotABase));
    }

    #[tokio::test]
    async fn every_dialect_of_429_tells_when_to_come_back() {
        for (headers, at_least, at_most) in [
            (&[("retry-after", "7")][..], 7, 7),
            (&[("x-ratelimit-reset", "9"), ("x-ratelimit-remaining", "0")], 9, 9),
            (&[("x-ratelimit-replenish-rate", "30"), ("x-ratelimit-remaining", "0")], 1, 1),
            (&[("retry-after", "86400")], 600, 600),
            (&[], 1, 2),
        ] {
            let server = Server::new(vec![Reply::status(429, headers, "Too many attempts")]).await;
            let config = port_config(&server, policy());
            let budgets = config.budgets.clone();
            let port = client(&server).vendor_port(config).unwrap();
            let error = server.during(port.send(get())).await.unwrap_err();
            let wait = error.retry_after.unwrap();
            assert_eq!(error.kind, ErrorKind::RateLimited);
            assert!(
                wait >= Duration::from_secs(at_least) && wait <= Duration::from_secs(at_most),
                "{headers:?}: {wait:?}"
            );
            assert!(budgets.snapshot(KEY).unwrap().last_429_at.is_some());
            // The next call is refused here: the vendor does not see it.
            let error = server.during(port.send(get())).await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::RateLimited);
            assert!(error.retry_after.is_some());
            assert_eq!(server.seen().len(), 1);
        }
    }

    #[tokio::test]
    async fn a_429_on_a_path_with_a_limit_of_its_own_blocks_that_path_only() {
        let server = Server::new(vec![Reply::status(429, &[], ""), Reply::ok("")]).await;
        let paths = vec![PathLimit::new(TEMPLATE, 15, Duration::from_secs(5))];
        let port = client(&server).vendor_port(port_config(&server, Policy { paths, ..policy() })).unwrap();
        let error = server.during(port.send(get())).await.unwrap_err();
        assert_eq!(error.retry_after, Some(Duration::from_secs(5)));
        assert_eq!(server.during(port.send(get())).await.unwrap_err().kind, ErrorKind::RateLimited);
        let other = Request::new(Method::Get, "/v1/other", "/v1/other", Class::Interactive);
        assert_eq!(server.during(port.send(other)).await.unwrap().status, 200);
    }

    #[tokio::test]
    async fn the_vendors_own_count_corrects_ours_and_slots_come_back_after_failures() {
        let remaining = Reply::status(200, &[("x-ratelimit-limit", "200"), ("x-ratelimit-remaining", "150")], "");
        let server = Server::new(vec![remaining, Reply::Raw(Vec::new())]).await;
        let config = port_config(&server, policy());
        let budgets = config.budgets.clone();
        let port = client(&server).vendor_port(config).unwrap();
        server.during(port.send(get())).await.unwrap();
        let view = budgets.snapshot(KEY).unwrap();
        assert_eq!((view.held, view.in_flight), (50, 0));
        server.during(port.send(get())).await.unwrap_err();
        let view = budgets.snapshot(KEY).unwrap();
        assert_eq!((view.held, view.in_flight), (51, 0));
    }

    #[tokio::test]
    async fn a_port_told_to_draw_on_another_budget_does_so_from_the_next_request_on() {
        const JOINED: BudgetKey = BudgetKey::new([10; 32]);
        let server = Server::new(vec![Reply::ok(""), Reply::ok("")]).await;
        let config = port_config(&server, policy());
        let budgets = config.budgets.clone();
        let port = client(&server).vendor_port(config).unwrap();
        server.during(port.send(get())).await.unwrap();
        port.draw_on(JOINED, Arc::new(policy()));
        server.during(port.send(get())).await.unwrap();
        assert_eq!([KEY, JOINED].map(|key| budgets.snapshot(key).unwrap().held), [1, 1]);
    }

    #[tokio::test]
    async fn other_refusals_come_back_as_answers() {
        let response = answer(Reply::status(503, &[("retry-after", "3")], "busy"), get()).await.unwrap();
        assert_eq!((response.status, response.header("retry-after")), (503, Some("3")));
    }

    /// Runs itself again with a proxy in the environment, which can only be set for a new process.
    #[tokio::test]
    async fn a_proxy_in_the_environment_is_ignored() {
        const CHILD: &str = "GANGWAY_TEST_PROXY_CHILD";
        if std::env::var_os(CHILD).is_none() {
            let name = "tests::a_proxy_in_the_environment_is_ignored";
            let mut child = Command::new(std::env::current_exe().unwrap());
            child.args(["--exact", name, "--nocapture"]).env(CHILD, "1").env_remove("NO_PROXY").env_remove("no_proxy");
            for variable in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
                child.env(variable, "http://127.0.0.1:1");
            }
            let output = child.output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
            assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
            return;
        }
        let server = Server::new(vec![Reply::ok("direct")]).await;
        let port = port(&server);
        #[expect(clippy::disallowed_methods, reason = "the control: a client with defaults does use the proxy")]
        let control = reqwest::Client::new().get(server.origin().to_string()).send().await;
        assert!(control.is_err_and(|error| error.is_connect()));
        assert_eq!(server.during(port.send(get())).await.unwrap().body.as_ref(), b"direct");
    }

    #[tokio::test]
    async fn spans_and_errors_hold_no_secret() {
        let (log, guard) = crate::server::capture();
        let mut request = Request::new(Method::Post, TEMPLATE, "/v1/people/canary-path", Class::Flow);
        request.query = vec![("email".into(), "canary-query".into())];
        request.headers = vec![("x-canary", "canary-header".into())];
        request.bearer = Some(SecretString::from("canary-token"));
        request.body = Body::Json(SecretString::from("canary-body"));
        for reply in [
            Reply::ok("canary-answer"),
            Reply::Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\ncanary-answer".to_vec()),
            Reply::status(429, &[("x-canary", "canary-answer")], "canary-answer"),
        ] {
            let outcome = answer(reply, request.clone()).await;
            let shown = format!("{outcome:?} {}", outcome.as_ref().err().map(ToString::to_string).unwrap_or_default());
            assert!(!shown.contains("canary"), "{shown}");
        }
        drop(guard);
        let log = log.text();
        assert_eq!(log.matches("vendor.request").count(), 4, "three spans and the warning inside one: {log}");
        for part in [TEMPLATE, "http.request.method=\"POST\"", "http.response.status_code=200", "error.kind=Broken"] {
            assert!(log.contains(part), "{part} in {log}");
        }
        assert!(!log.contains("canary") && !log.contains("127.0.0.1"), "{log}");
    }
}
