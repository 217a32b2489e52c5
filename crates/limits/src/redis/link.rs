//! The connection to Redis: opened, asked, and given up at the first sign that it is gone.
//!
//! It speaks RESP3, so that wake-ups come over the same connection, and its end is noticed at once. What is asked and answered
//! is in [`super::wire`]; when to connect again is the driver's business.

use std::time::Duration;

use futures::future::BoxFuture;
use redis::{
    AsyncConnectionConfig, Client, ErrorKind, IntoConnectionInfo, ProtocolVersion, PushInfo, PushKind, RedisError,
    Value, aio::MultiplexedConnection,
};
use tokio::sync::mpsc;

use super::port::{Connected, ScriptConnection, ScriptServer, StoreScript, WakeUps};
use crate::key::BudgetKey;

/// The store can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The address is not one of Redis.
    #[error("this is no address of a Redis server; it looks like redis://host:6379/0")]
    Url(#[source] RedisError),
    /// Nobody answered.
    #[error("Redis does not answer")]
    Connect(#[source] RedisError),
    /// It answered and wants another login.
    #[error("Redis refuses the login")]
    Login(#[source] RedisError),
    /// The connection ended.
    #[error("Redis closed the connection")]
    Closed,
    /// It answered with an error.
    #[error("Redis refuses an operation")]
    Operation(#[source] RedisError),
    /// It answered something else than our own script would.
    #[error("Redis answered something unreadable")]
    Answer(#[source] serde_json::Error),
}

impl StoreError {
    /// Whether it may be over by itself. Where not, the settings are wrong.
    pub(super) const fn may_pass(&self) -> bool {
        !matches!(self, Self::Url(_) | Self::Login(_))
    }

    fn of_connecting(error: RedisError) -> Self {
        let is_login = error.kind() == ErrorKind::AuthenticationFailed
            || matches!(error.code(), Some("NOAUTH" | "WRONGPASS" | "NOPERM"));
        if is_login { Self::Login(error) } else { Self::Connect(error) }
    }
}

/// How long Redis may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    pub(super) connect: Duration,
    pub(super) answer: Duration,
}

/// Where Redis is.
pub(super) struct Address {
    client: Client,
    patience: Patience,
}

impl Address {
    pub(super) fn new(url: &str, patience: Patience) -> Result<Self, StoreError> {
        let info = url.into_connection_info().map_err(StoreError::Url)?;
        let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        let client = Client::open(info.set_redis_settings(settings)).map_err(StoreError::Url)?;
        Ok(Self { client, patience })
    }

    /// Connects, and asks what is done when memory runs out.
    pub(super) async fn check(&self) -> Result<Option<String>, StoreError> {
        let (Link { mut connection }, _) = self.open("gangway:check").await?;
        let asked = redis::cmd("INFO").arg("memory").query_async::<String>(&mut connection).await;
        let info = asked.map_err(StoreError::Operation)?;
        Ok(info.lines().find_map(|line| line.strip_prefix("maxmemory_policy:")).map(|policy| policy.trim().to_owned()))
    }

    async fn open(&self, channel: &str) -> Result<(Link, Wakes), StoreError> {
        let (sender, receiver) = mpsc::unbounded_channel();
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.patience.connect))
            .set_response_timeout(Some(self.patience.answer))
            .set_push_sender(sender);
        let opened = Box::pin(self.client.get_multiplexed_async_connection_with_config(&config)).await;
        let mut connection = opened.map_err(StoreError::of_connecting)?;
        connection.subscribe(channel).await.map_err(StoreError::Operation)?;
        Ok((Link { connection }, Wakes(receiver)))
    }
}

impl ScriptServer for Address {
    fn connect<'a>(&'a self, channel: &'a str) -> BoxFuture<'a, Result<Connected, StoreError>> {
        Box::pin(async move {
            let (link, wakes) = self.open(channel).await?;
            Ok((Box::new(link) as Box<dyn ScriptConnection>, Box::new(wakes) as Box<dyn WakeUps>))
        })
    }
}

/// An open connection.
struct Link {
    connection: MultiplexedConnection,
}

impl ScriptConnection for Link {
    fn run<'a>(
        &'a self,
        script: &'a StoreScript,
        key: &'a str,
        request: String,
    ) -> BoxFuture<'a, Result<String, StoreError>> {
        Box::pin(async move {
            let mut connection = self.connection.clone();
            let asked = script.script.key(key).arg(request).invoke_async(&mut connection).await;
            asked.map_err(StoreError::Operation)
        })
    }
}

/// The wake-ups of a connection.
struct Wakes(mpsc::UnboundedReceiver<PushInfo>);

impl WakeUps for Wakes {
    fn next(&mut self) -> BoxFuture<'_, Option<BudgetKey>> {
        Box::pin(async move {
            loop {
                match self.0.recv().await? {
                    PushInfo { kind: PushKind::Disconnection, .. } => return None,
                    PushInfo { kind: PushKind::Message, data } => {
                        if let Some(Value::BulkString(text)) = data.last()
                            && let Some(key) = std::str::from_utf8(text).ok().and_then(BudgetKey::from_hex)
                        {
                            return Some(key);
                        }
                    }
                    _ => {}
                }
            }
        })
    }
}
