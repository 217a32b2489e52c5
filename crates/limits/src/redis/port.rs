//! What the driver needs of a server. Redis is one; a simulation plays another, with a clock of its own.

use futures::future::BoxFuture;
use redis::Script;

use super::StoreError;
use crate::key::BudgetKey;

/// An operation on the store, as the text of a Lua script that answers JSON.
#[derive(Debug)]
pub struct StoreScript {
    text: String,
    pub(super) script: Script,
}

impl StoreScript {
    pub(super) fn new(parts: &[&str]) -> Self {
        let text = parts.concat();
        Self { script: Script::new(&text), text }
    }

    /// The script; its one key is the store's marker, its one argument the request.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// Both ends of a connection: what is asked, and what is told unasked.
pub type Connected = (Box<dyn ScriptConnection>, Box<dyn WakeUps>);

/// A server that runs scripts.
pub trait ScriptServer: Send + Sync {
    /// Connects, and listens on a channel.
    ///
    /// # Errors
    /// When it does not answer, or refuses.
    fn connect<'a>(&'a self, channel: &'a str) -> BoxFuture<'a, Result<Connected, StoreError>>;
}

/// An open connection.
pub trait ScriptConnection: Send + Sync {
    /// Runs one operation, and answers its JSON.
    ///
    /// # Errors
    /// When the server does not answer, or refuses.
    fn run<'a>(
        &'a self,
        script: &'a StoreScript,
        key: &'a str,
        request: String,
    ) -> BoxFuture<'a, Result<String, StoreError>>;
}

/// What is published on a connection's channel.
pub trait WakeUps: Send + Sync {
    /// The next budget that may have a slot for this process; none when the connection is gone.
    fn next(&mut self) -> BoxFuture<'_, Option<BudgetKey>>;
}
