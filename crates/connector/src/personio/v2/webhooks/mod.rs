//! Webhooks, which only version 2 has (developer.personio.de, `reference/post_v2-webhooks` and its neighbours, read 2026-11-28).
//!
//! All webhooks of a company are seen with the right to read them, those of other integrations too. Ours are those that lead to
//! the address the host made: only they are changed and removed, and a registration whose end is not known is looked for by it.
//! The vendor shows the token of a webhook in its answers, so nothing of a body is passed on but ids.

mod events;
mod find;

use async_trait::async_trait;
use gangway_domain::record::Stream;
use gangway_egress::{Body, Class, Method, Request, Response};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::{
    call::{About, id_in, judge, unanswered},
    client::Client,
    scopes::{Access, Area},
};
use crate::{
    contract::{
        CallWebhook, Error, ErrorKind, Missed, ReadMissed, Redeliver, RegisterWebhook, Registered, RemoveWebhook,
        Removed, Result, WebhookManifest, Webhooks, WriteError,
    },
    personio::{PersonioConnection, client::Undelivered, source::plain_id},
};

const LIST: &str = "/v2/webhooks";
const ONE: &str = "/v2/webhooks/{id}";
const AREA: Area = Area::Webhooks;
/// The vendor's answers to these are small.
const LARGEST_ANSWER_BYTES: usize = 1024 * 1024;

const REGISTER: About = about("register a webhook");
const PING: About = about("ping a webhook");
const REDELIVER: About = about("have events sent again");
const REMOVE: About = about("remove a webhook");

const MISSING_RIGHT: &str = "the credential lacks the right to manage webhooks; tick \"Webhooks: Read\" and \"Webhooks: Write\" on the \
                             credential's page in Personio's settings (Integrations > API credentials), or set the webhook up by hand";

const fn about(operation: &'static str) -> About {
    About {
        operation,
        missing_right: MISSING_RIGHT,
        not_found: "Personio knows no webhook with this id; register it again",
    }
}

/// Reference of the webhooks' management, v2.0/reference/webhooks, read 2026-11-28.
pub(in crate::personio) const MANIFEST: WebhookManifest = WebhookManifest {
    requires_permission: "Webhooks: Read, Webhooks: Write",
    patience_seconds: 3,
    kept_days: 30,
    redelivered_at_once: 100,
};

/// The events that tell of a stream.
const fn events_of(stream: Stream) -> &'static [&'static str] {
    match stream {
        Stream::Employees => &[
            "person.created",
            "person.updated",
            "person.deleted",
            "employment.created",
            "employment.updated",
            "employment.updated.cost-centers",
            "employment.deleted",
            "employment.started",
            "employment.terminated",
        ],
        Stream::Absences => &[
            "absence-period.created",
            "absence-period.updated.status",
            "absence-period.updated.timerange",
            "absence-period.deleted",
        ],
        Stream::Attendances => &["attendance-period.created", "attendance-period.updated", "attendance-period.deleted"],
    }
}

#[async_trait]
impl Webhooks for PersonioConnection {
    async fn register(&self, request: RegisterWebhook) -> Result<Registered, WriteError> {
        let RegisterWebhook { url, token, streams, class } = request;
        let url = find::Address::read(&url).ok_or_else(|| refused(&REGISTER, "the address is no URL"))?;
        if streams.is_empty() || token.expose_secret().is_empty() {
            return Err(refused(&REGISTER, "a webhook needs a token and something to tell of"));
        }
        let wanted = wanted(&url, &token, &streams);
        let mut own = self.own_webhooks(&REGISTER, &url, class).await?.into_iter();
        if let Some(id) = own.next() {
            let registered = self.change_webhook(id, &wanted, class).await?;
            // A twin would go on with the token before.
            for twin in own {
                self.delete_webhook(&REGISTER, &twin, class).await?;
            }
            return Ok(registered);
        }
        let post = Request::new(Method::Post, LIST, LIST, class);
        let posted = match self.call_webhooks(&REGISTER, with_body(post, &wanted)).await {
            Ok(response) => judge(&REGISTER, &response).map(|()| id_in(&response)),
            Err(error) => Err(error),
        };
        match posted {
            Ok(Some(id)) => return Ok(Registered::new(id, true)),
            // It is there, or was registered at the same moment, or nobody knows: then it is to be found.
            Ok(None) | Err(WriteError::Unknown(_)) => {}
            Err(WriteError::Refused { ref error, .. }) if error.kind == ErrorKind::Protocol => {}
            Err(error) => return Err(error),
        }
        let found = self.own_webhooks(&REGISTER, &url, class).await;
        match (found.map(|ids| ids.into_iter().next()), posted) {
            (Ok(Some(id)), Ok(_) | Err(WriteError::Unknown(_))) => Ok(Registered::new(id, true)),
            (Ok(Some(id)), Err(_)) => self.change_webhook(id, &wanted, class).await,
            (_, Err(error)) => Err(error),
            (_, Ok(_)) => {
                let message = "Personio accepted the webhook and does not show it, so it must be looked for";
                Err(WriteError::Unknown(Error::new(ErrorKind::Protocol, REGISTER.operation, message)))
            }
        }
    }

    async fn ping(&self, request: CallWebhook) -> Result<()> {
        let template = "/v2/webhooks/{id}/ping";
        let ping = Request::new(Method::Post, template, path(&request.id, "/ping", &PING)?, request.class);
        self.repeatable(&PING, ping).await
    }

    async fn redeliver(&self, request: Redeliver) -> Result<()> {
        let Redeliver { id, from, to, class } = request;
        let template = "/v2/webhooks/{id}/redelivery";
        let again = Request::new(Method::Post, template, path(&id, "/redelivery", &REDELIVER)?, class);
        let span = json!({"occurred_at.gte": events::time(from), "occurred_at.lte": events::time(to)});
        self.repeatable(&REDELIVER, with_body(again, &span)).await
    }

    async fn missed(&self, request: ReadMissed) -> Result<Missed> {
        events::read(&self.v2, request).await
    }

    async fn remove(&self, request: RemoveWebhook) -> Result<Removed, WriteError> {
        let RemoveWebhook { url, class } = request;
        let url = find::Address::read(&url).ok_or_else(|| refused(&REMOVE, "the address is no URL"))?;
        let mut n_removed = 0;
        for id in self.own_webhooks(&REMOVE, &url, class).await? {
            if self.delete_webhook(&REMOVE, &id, class).await? {
                n_removed += 1;
            }
        }
        Ok(Removed::new(n_removed))
    }
}

impl PersonioConnection {
    async fn change_webhook(&self, id: String, wanted: &Value, class: Class) -> Result<Registered, WriteError> {
        let path = path(&id, "", &REGISTER).map_err(WriteError::refused)?;
        let change = with_body(Request::new(Method::Patch, ONE, path, class), wanted);
        let response = self.call_webhooks(&REGISTER, change).await?;
        judge(&REGISTER, &response).map(|()| Registered::new(id, false))
    }

    /// Answers whether it was there.
    async fn delete_webhook(&self, about: &About, id: &str, class: Class) -> Result<bool, WriteError> {
        let path = path(id, "", about).map_err(WriteError::refused)?;
        let response = self.call_webhooks(about, Request::new(Method::Delete, ONE, path, class)).await?;
        match judge(about, &response) {
            Ok(()) => Ok(true),
            // Somebody else was faster.
            Err(WriteError::Refused { error, .. }) if error.kind == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The ids of the webhooks that lead to an address.
    async fn own_webhooks(&self, about: &About, url: &find::Address, class: Class) -> Result<Vec<String>, WriteError> {
        find::own(&self.v2, about, url, class).await.map_err(WriteError::refused)
    }

    /// A call that does no harm when it is made again.
    async fn repeatable(&self, about: &About, request: Request) -> Result<()> {
        let response = self.call_webhooks(about, request).await.map_err(|error| plain(about, error))?;
        judge(about, &response).map_err(|error| plain(about, error))
    }

    async fn call_webhooks(&self, about: &About, mut request: Request) -> Result<Response, WriteError> {
        request.max_answer_bytes = LARGEST_ANSWER_BYTES;
        let delivered: Result<Response, Undelivered> =
            self.v2.deliver(about.operation, AREA, Access::Write, request).await;
        delivered.map_err(unanswered)
    }
}

fn wanted(url: &find::Address, token: &SecretString, streams: &[Stream]) -> Value {
    let events: Vec<&str> = streams.iter().flat_map(|stream| events_of(*stream)).copied().collect();
    json!({
        "url": url.as_str(),
        "description": "Gangway",
        // Left out, it would be there and silent.
        "status": "ENABLED",
        "auth_type": "TOKEN",
        "token": token.expose_secret(),
        "enabled_events": events,
    })
}

fn with_body(mut request: Request, body: &Value) -> Request {
    request.body = Body::Json(SecretString::from(body.to_string()));
    request
}

fn path(id: &str, rest: &str, about: &About) -> Result<String> {
    Ok(format!("{LIST}/{}{rest}", plain_id(id, about.operation)?))
}

fn refused(about: &About, message: &str) -> WriteError {
    WriteError::refused(Error::new(ErrorKind::Refused, about.operation, message))
}

/// The failure of a call that may be made again.
fn plain(about: &About, error: WriteError) -> Error {
    match error {
        WriteError::Refused { error, .. } => error,
        // Waiting helps here as it would if nothing had been sent.
        WriteError::Unknown(error) => Error::new(error.kind, about.operation, error.message.clone()).with_source(error),
        WriteError::Partly { rest, .. } => plain(about, *rest),
        WriteError::Invalid(_) => Error::new(ErrorKind::Refused, about.operation, "this cannot be asked for"),
    }
}
