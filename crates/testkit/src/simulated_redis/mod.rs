//! A Redis that is played: it runs the scripts of the shared budgets in real Lua on a keyspace in memory, by tokio's clock, so that hours
//! of many processes pass in seconds. It dies when told to, and comes back empty or as it was.
//!
//! It knows the commands that the scripts use and refuses every other, so that a script can't come to rest on a guess.

mod commands;
mod json;
mod keyspace;
mod sorted;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::future::BoxFuture;
use gangway_limits::{BudgetKey, Connected, ScriptConnection, ScriptServer, StoreError, StoreScript, WakeUps};
use mlua::{Function, Lua, Table};
use tokio::sync::mpsc;

use self::keyspace::Keyspace;

/// One way between a process and the server.
const WAY: Duration = Duration::from_micros(200);

/// The server. Clones are the same one.
#[derive(Clone)]
pub struct SimulatedRedis {
    interpreter: Arc<Mutex<Interpreter>>,
    keyspace: Arc<Mutex<Keyspace>>,
}

struct Interpreter {
    lua: Lua,
    functions: HashMap<String, Function>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SimulatedRedis {
    /// An empty one, whose clock begins now.
    ///
    /// # Panics
    /// When Lua does not take the functions that scripts call.
    pub fn start() -> Self {
        let keyspace = Arc::new(Mutex::new(Keyspace::new()));
        let lua = Lua::new();
        commands::provide(&lua, &keyspace).expect("Lua takes functions");
        json::provide(&lua).expect("Lua takes functions");
        Self { interpreter: Arc::new(Mutex::new(Interpreter { lua, functions: HashMap::new() })), keyspace }
    }

    /// It dies: connections end, and what it was asked is not answered.
    pub fn kill(&self) {
        locked(&self.keyspace).kill();
    }

    /// It is there again, as another server.
    pub fn restart(&self, contents: Contents) {
        locked(&self.keyspace).restart(contents);
    }

    fn execute(&self, script: &StoreScript, key: &str, request: &str) -> mlua::Result<String> {
        let mut interpreter = locked(&self.interpreter);
        let Interpreter { lua, functions } = &mut *interpreter;
        if !functions.contains_key(script.text()) {
            functions.insert(script.text().to_owned(), lua.load(script.text()).into_function()?);
        }
        let list = |item: &str| -> mlua::Result<Table> { lua.create_sequence_from([item]) };
        lua.globals().set("KEYS", list(key)?)?;
        lua.globals().set("ARGV", list(request)?)?;
        functions
            .get(script.text())
            .map_or_else(|| Err(mlua::Error::runtime("no script")), |function| function.call(()))
    }
}

/// What a server holds that was started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contents {
    /// Nothing.
    Empty,
    /// What it held when it died.
    Same,
}

impl ScriptServer for SimulatedRedis {
    fn connect<'a>(&'a self, channel: &'a str) -> BoxFuture<'a, Result<Connected, StoreError>> {
        Box::pin(async move {
            tokio::time::sleep(WAY * 2).await;
            let (life, wakes) = locked(&self.keyspace).subscribe(channel).ok_or(StoreError::Closed)?;
            let connection: Box<dyn ScriptConnection> = Box::new(Connection { server: self.clone(), life });
            Ok((connection, Box::new(Wakes(wakes)) as Box<dyn WakeUps>))
        })
    }
}

struct Connection {
    server: SimulatedRedis,
    /// Ends with the server.
    life: u64,
}

impl ScriptConnection for Connection {
    fn run<'a>(
        &'a self,
        script: &'a StoreScript,
        key: &'a str,
        request: String,
    ) -> BoxFuture<'a, Result<String, StoreError>> {
        Box::pin(async move {
            let Self { server, life } = self;
            let lives = || locked(&server.keyspace).lives(*life).then_some(()).ok_or(StoreError::Closed);
            tokio::time::sleep(WAY).await;
            lives()?;
            let answer =
                server.execute(script, key, &request).unwrap_or_else(|error| panic!("a script fails: {error}"));
            tokio::time::sleep(WAY).await;
            // It may have died with the answer on its way.
            lives()?;
            Ok(answer)
        })
    }
}

struct Wakes(mpsc::UnboundedReceiver<String>);

impl WakeUps for Wakes {
    fn next(&mut self) -> BoxFuture<'_, Option<BudgetKey>> {
        Box::pin(async move { BudgetKey::from_hex(&self.0.recv().await?) })
    }
}
