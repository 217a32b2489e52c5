//! Sending what is due: to receivers on this machine, and to origins that were allowed.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use gangway_egress::{Client, ClientConfig, ErrorKind, Origin, Post};
use secrecy::SecretString;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use url::{Host, Url};

use super::{Delivery, Outcome};
use crate::handle::Handle;

/// In which the vendor wants an answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// A clock that is moved by hand wakes nobody.
const LOOK: Duration = Duration::from_millis(100);

const NOT_A_URL: &str = "the address cannot be read";
const NOT_ALLOWED: &str = "the sandbox sends to this machine only, and to the origins it was allowed";
const NOT_SENDABLE: &str = "the request cannot be sent";

/// The ways out, one for each receiver's origin, and the bell for the task that sends.
#[derive(Debug, Default)]
pub(crate) struct Sender {
    clients: Mutex<HashMap<Origin, Client>>,
    pub(crate) bell: Notify,
}

/// A delivery with everything that is sent.
pub(crate) struct Outgoing {
    pub(crate) delivery: Delivery,
    pub(crate) webhook_id: String,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, SecretString)>,
    pub(crate) body: Bytes,
}

impl Sender {
    /// Sends once; redirects are not followed.
    pub(crate) async fn send(&self, outgoing: &Outgoing, allowed: &[String]) -> Outcome {
        let Outgoing { url, headers, body, .. } = outgoing;
        let (url, origin) = match destination(url, allowed) {
            Ok(destination) => destination,
            Err(why) => return Outcome::Unsent(why),
        };
        let Some(client) = self.client(origin) else { return Outcome::Unsent(NOT_SENDABLE) };
        match client.post(Post { url, headers: headers.clone(), body: body.clone() }).await {
            Ok(status) => Outcome::Status(status),
            Err(error) if matches!(error.kind, ErrorKind::Refused | ErrorKind::Invalid) => {
                Outcome::Unsent(NOT_SENDABLE)
            }
            Err(_) => Outcome::Silence,
        }
    }

    fn client(&self, origin: Origin) -> Option<Client> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&origin) {
            return Some(client.clone());
        }
        let config = ClientConfig {
            connect_timeout: PATIENCE,
            request_timeout: PATIENCE,
            allowed_origins: vec![origin.clone()],
            user_agent: "gangway-sandbox".to_owned(),
            ..ClientConfig::default()
        };
        let client = Client::new(config).inspect_err(|error| tracing::warn!(%error, "no webhooks can be sent")).ok()?;
        clients.insert(origin, client.clone());
        Some(client)
    }
}

/// Where a webhook leads, if the sandbox may send there.
fn destination(url: &str, allowed: &[String]) -> Result<(Url, Origin), &'static str> {
    let url = Url::parse(url).map_err(|_| NOT_A_URL)?;
    let origin = Origin::of(&url).map_err(|_| NOT_A_URL)?;
    let is_here = match origin.host() {
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
        Host::Domain(_) => false,
    };
    let is_allowed =
        is_here || allowed.iter().any(|allowed| allowed.parse::<Origin>().is_ok_and(|allowed| allowed == origin));
    if is_allowed { Ok((url, origin)) } else { Err(NOT_ALLOWED) }
}

/// Sends whatever comes due until it is told to end.
pub(crate) async fn run(handle: Handle, end: CancellationToken) {
    let mut sending = JoinSet::new();
    loop {
        begin(&handle, &mut sending);
        let is_waiting = handle.webhooks_waiting() > 0;
        tokio::select! {
            () = end.cancelled() => return,
            () = handle.0.sender.bell.notified() => {}
            Some(_) = sending.join_next() => {}
            () = tokio::time::sleep(LOOK), if is_waiting => {}
        }
    }
}

/// Begins to send to each webhook that something is due for, so that a receiver which hangs holds up no other.
pub(crate) fn begin(handle: &Handle, sending: &mut JoinSet<usize>) {
    let due = handle.0.lock().hooks.engage(handle.0.now());
    for webhook in due {
        sending.spawn(drain(Engaged { handle: handle.clone(), webhook }));
    }
}

/// Sends one after another what is due for a webhook, until nothing is; answers with the number of requests.
async fn drain(engaged: Engaged) -> usize {
    let Engaged { handle, webhook } = &engaged;
    let shared = &handle.0;
    let mut n = 0;
    loop {
        let due = shared.lock().webhook_due(*webhook, shared.now());
        if due.is_empty() {
            return n;
        }
        for outgoing in due {
            let outcome = shared.sender.send(&outgoing, &shared.config.webhooks.allowed_origins).await;
            let (now, speed) = (shared.now(), shared.config.webhooks.speed);
            shared.lock().hooks.settle(&outgoing.delivery, outgoing.webhook_id, outcome, now, speed);
            n += 1;
        }
    }
}

/// A webhook that is sent to; dropped, another may send to it.
struct Engaged {
    handle: Handle,
    webhook: u64,
}

impl Drop for Engaged {
    fn drop(&mut self) {
        self.handle.0.lock().hooks.release(self.webhook);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use serde_json::{Value, json};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;
    use crate::config::Config;
    use crate::hooks::EVENTS;
    use crate::testing::body;
    use crate::v2::V2Bench;

    /// Takes one request, answers it with these lines and gives it back.
    async fn receive(listener: &TcpListener, answer: &str) -> (String, Value) {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut text = String::new();
        loop {
            let mut bytes = [0; 4_096];
            let n = stream.read(&mut bytes).await.unwrap();
            assert!(n > 0, "it ends early: {text}");
            text.push_str(std::str::from_utf8(&bytes[..n]).unwrap());
            if let Some((head, body)) = text.split_once("\r\n\r\n")
                && let Ok(body) = serde_json::from_str(body)
            {
                let answer = format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                stream.write_all(answer.as_bytes()).await.unwrap();
                return (head.to_ascii_lowercase(), body);
            }
        }
    }

    /// A sandbox with a webhook that leads to a listener.
    async fn hooked(changes: &Value) -> (V2Bench, TcpListener, String) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}/hook?a=b", listener.local_addr().unwrap());
        let mut wanted = json!({
            "url": url, "description": "x", "status": "ENABLED", "token": "Basic as-given", "enabled_events": EVENTS,
        });
        wanted.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        let v2 = V2Bench::of(Config::without_rate_limit);
        let answer = v2.send("POST", "/v2/webhooks", &wanted);
        assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
        let id = body(&answer)["id"].as_str().unwrap().to_owned();
        (v2, listener, id)
    }

    fn ping(v2: &V2Bench, id: &str) {
        assert_eq!(v2.send("POST", &format!("/v2/webhooks/{id}/ping"), &Value::Null).status, 200);
    }

    #[tokio::test]
    async fn a_receiver_gets_the_token_as_it_was_given_and_ids_alone() {
        let (v2, listener, _) = hooked(&json!({})).await;
        let handle = &v2.bench.handle;
        let person = handle.people()[0]["id"].as_u64().unwrap();
        handle.change_person(person, &json!({"last_name": "Geheimnis"})).unwrap();
        let (n, (head, body)) = tokio::join!(handle.send_webhooks(), receive(&listener, "204 No Content"));
        assert_eq!(n, 1);
        assert!(head.starts_with("post /hook?a=b http/1.1\r\n") && head.contains("authorization: basic as-given\r\n"));
        assert!(head.contains("content-type: application/json"), "{head}");
        assert_eq!(
            (&body["event_name"], &body["payload"]),
            (&json!("person.updated"), &json!({"id": person.to_string()}))
        );
        assert!(!body.to_string().contains("Geheimnis"));
        let deliveries = body_of_admin(&v2)["deliveries"].clone();
        assert_eq!((&deliveries[0]["status"], &deliveries[0]["is_delivered"]), (&json!(204), &json!(true)));
    }

    fn body_of_admin(v2: &V2Bench) -> Value {
        v2.bench.ok("/_sandbox/webhooks")
    }

    #[tokio::test]
    async fn a_receiver_that_hangs_holds_up_no_other() {
        let (v2, hanging, first) = hooked(&json!({})).await;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let other = json!({"url": url, "description": "x", "status": "ENABLED", "enabled_events": EVENTS});
        let other = body(&v2.send("POST", "/v2/webhooks", &other))["id"].as_str().unwrap().to_owned();
        let told = async {
            ping(&v2, &first);
            for _ in 0..3 {
                ping(&v2, &other);
                receive(&listener, "200 OK").await;
            }
        };
        tokio::select! {
            () = run(v2.bench.handle.clone(), CancellationToken::new()) => panic!("it ends by itself"),
            () = told => {}
        }
        let deliveries = v2.bench.handle.webhook_deliveries();
        assert!(deliveries.iter().all(|one| one.webhook_id == other), "the first was waited for: {deliveries:?}");
        drop(hanging);
    }

    #[tokio::test]
    async fn custom_headers_take_the_place_of_the_token() {
        let custom = json!({"auth_type": "CUSTOM", "custom_headers": {"X-Key": "k 1"}, "token": null});
        let (v2, listener, id) = hooked(&custom).await;
        ping(&v2, &id);
        let (_, (head, body)) = tokio::join!(v2.bench.handle.send_webhooks(), receive(&listener, "200 OK"));
        assert!(head.contains("x-key: k 1\r\n") && !head.contains("authorization"), "{head}");
        assert_eq!(body["event_name"], "ping");
    }

    #[tokio::test]
    async fn a_failing_receiver_is_tried_again_at_once_and_then_later() {
        let (v2, listener, id) = hooked(&json!({})).await;
        let handle = &v2.bench.handle;
        ping(&v2, &id);
        let answers = async {
            receive(&listener, "503 No").await;
            receive(&listener, "500 No").await;
        };
        assert_eq!(tokio::join!(handle.send_webhooks(), answers).0, 2);
        assert_eq!((handle.send_webhooks().await, handle.webhooks_waiting()), (0, 1));
        v2.bench.advance_s(5 * 60);
        assert_eq!(tokio::join!(handle.send_webhooks(), receive(&listener, "200 OK")).0, 1);
        let tries: Vec<_> =
            handle.webhook_deliveries().iter().map(|one| (one.attempt, one.request, one.status)).collect();
        assert_eq!(tries, [(0, 1, Some(503)), (0, 2, Some(500)), (1, 1, Some(200))]);
        assert_eq!(handle.webhooks_waiting(), 0);
    }

    #[tokio::test]
    async fn redirects_are_not_followed_and_nobody_there_is_silence() {
        let (v2, listener, id) = hooked(&json!({})).await;
        let handle = &v2.bench.handle;
        ping(&v2, &id);
        let elsewhere = format!("307 Elsewhere\r\nlocation: http://{}/b", listener.local_addr().unwrap());
        assert_eq!(tokio::join!(handle.send_webhooks(), receive(&listener, &elsewhere)).0, 1);
        assert_eq!(handle.webhooks_waiting(), 0);
        drop(listener);
        ping(&v2, &id);
        assert_eq!(handle.send_webhooks().await, 2);
        let last = handle.webhook_deliveries().pop().unwrap();
        assert_eq!((last.status, last.unsent, handle.webhooks_waiting()), (None, None, 1));
    }

    #[tokio::test]
    async fn nothing_leaves_this_machine_unless_it_was_allowed() {
        let (v2, _listener, id) = hooked(&json!({"url": "https://hooks.example.org/secret"})).await;
        ping(&v2, &id);
        assert_eq!(v2.bench.handle.send_webhooks().await, 1);
        let delivery = v2.bench.handle.webhook_deliveries().pop().unwrap();
        assert_eq!((delivery.unsent, delivery.is_delivered), (Some(NOT_ALLOWED), false));
        assert_eq!(v2.bench.handle.webhooks_waiting(), 0);
    }

    #[tokio::test]
    async fn a_write_whose_answer_is_cut_off_is_told_of() {
        let (v2, listener, _) = hooked(&json!({})).await;
        v2.fault(
            &json!({"method": "DELETE", "path": "/v2/persons/{id}", "effect": {"kind": "cut", "after_percent": 0}}),
        );
        // Nobody reports to the last one.
        let id = v2.person_ids().pop().unwrap();
        v2.send("DELETE", &format!("/v2/persons/{id}"), &Value::Null);
        let mut told = Vec::new();
        let receiving = async {
            while told.len() < 2 || told.last() != Some(&json!("person.deleted")) {
                told.push(receive(&listener, "200 OK").await.1["event_name"].clone());
            }
        };
        let handle = &v2.bench.handle;
        let ((), n) = tokio::join!(receiving, handle.send_webhooks());
        assert_eq!(n, handle.webhook_deliveries().len());
        assert!(told.contains(&json!("employment.deleted")), "{told:?}");
    }

    #[tokio::test]
    async fn a_sandbox_sends_by_itself() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let sandbox = crate::server::Sandbox::bind(Config::new(5, 1)).unwrap();
        let handle = sandbox.handle();
        let webhook = {
            let (v2, _, _) = hooked(&json!({})).await;
            let state = v2.bench.handle.0.lock();
            let mut webhook = state.changes.webhooks.values().next().unwrap().clone();
            webhook.url = format!("http://{}/hook", listener.local_addr().unwrap());
            webhook
        };
        handle.0.lock().changes.webhooks.insert(webhook.number, webhook);
        let person = handle.people()[0]["id"].as_u64().unwrap();
        handle.change_person(person, &json!({"last_name": "Neu"})).unwrap();
        assert_eq!(receive(&listener, "200 OK").await.1["event_name"], "person.updated");
        sandbox.stop().await;
    }

    #[test]
    fn the_sandbox_sends_to_this_machine_and_where_it_was_allowed() {
        let allowed = ["https://hooks.example.org".to_owned(), "nonsense".to_owned()];
        for url in ["http://127.0.0.1:81/a", "https://127.9.9.9/", "http://[::1]:81/a", "https://hooks.example.org/x"] {
            assert!(destination(url, &allowed).is_ok(), "{url}");
        }
        for url in [
            "https://hooks.example.org:444/x",
            "http://hooks.example.org/x",
            "https://evil.example/x",
            "http://10.0.0.1/",
            "http://169.254.169.254/latest",
            "http://localhost/",
            "https://user:pw@127.0.0.1/",
            "file:///etc/passwd",
            "",
        ] {
            assert!(destination(url, &allowed).is_err(), "{url}");
        }
    }
}
