//! All that may change while a sandbox runs, behind one lock that is never held over an await.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, NaiveDate, Utc};
use secrecy::SecretString;

use crate::auth::Tokens;
use crate::config::{Config, Dialect};
use crate::faults::Faults;
use crate::hooks::{Hooks, sender::Sender};
use crate::ledger::Ledger;
use crate::limiter::Limiter;
use crate::people::World;
use crate::quirks::Quirks;
use crate::shapes::Scene;
use crate::store::{Changes, Rights, StateError, Store};
use crate::v2::{Buckets, Scopes};
use crate::views::{View, Views};

/// What every worker shares.
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) base_url: String,
    pub(crate) sender: Sender,
    store: Option<Store>,
    state: Mutex<State>,
}

/// The changing part.
pub(crate) struct State {
    pub(crate) dialect: Dialect,
    pub(crate) today: NaiveDate,
    pub(crate) world: World,
    pub(crate) quirks: Quirks,
    pub(crate) credentials: Vec<Credential>,
    pub(crate) tokens: Tokens,
    pub(crate) limiter: Limiter,
    pub(crate) buckets: Buckets,
    pub(crate) ledger: Ledger,
    pub(crate) faults: Faults,
    pub(crate) views: Views,
    pub(crate) changes: Changes,
    pub(crate) hooks: Hooks,
    pub(crate) base_url: String,
}

/// A credential with what it may read at present.
#[derive(Debug)]
pub(crate) struct Credential {
    pub(crate) client_id: String,
    pub(crate) client_secret: SecretString,
    pub(crate) whitelist: Option<BTreeSet<String>>,
    pub(crate) forbid_discovery: bool,
    /// What its tokens of version 2 may do.
    pub(crate) scopes: Scopes,
}

impl Shared {
    pub(crate) fn new(config: Config, base_url: String) -> Result<Self, StateError> {
        let (store, today, changes) = match &config.state_file {
            Some(path) => {
                let (store, today, changes) = Store::open(path, &config)?;
                (Some(store), today, changes)
            }
            None => (None, config.today, Changes::default()),
        };
        let state = State::new(&config, base_url.clone(), today, changes);
        Ok(Self { config, base_url, sender: Sender::default(), store, state: Mutex::new(state) })
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.config.clock.now()
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the task that sends webhooks, when there is something to send.
    pub(crate) fn ring(&self, state: &State) {
        if state.hooks.next_due().is_some() {
            self.sender.bell.notify_one();
        }
    }

    /// Writes what was changed, if this sandbox keeps it.
    pub(crate) fn save(&self, state: &mut State) -> Result<(), StateError> {
        let Some(store) = &self.store else { return Ok(()) };
        state.changes.tokens = state.tokens.kept();
        store.save(&state.changes)
    }
}

impl State {
    fn new(config: &Config, base_url: String, today: NaiveDate, changes: Changes) -> Self {
        let credentials: Vec<_> = config
            .effective_credentials()
            .into_iter()
            .map(|credential| Credential {
                client_id: credential.client_id,
                client_secret: credential.client_secret,
                whitelist: credential.whitelist.map(|keys| keys.into_iter().collect()),
                forbid_discovery: credential.forbid_discovery,
                scopes: Scopes::all(),
            })
            .collect();
        let mut state = Self {
            dialect: config.dialect,
            today,
            world: World::generate(config, today),
            quirks: config.quirks.clone(),
            views: Views::default(),
            credentials,
            tokens: Tokens::new(config.seed(), config.dialect),
            limiter: Limiter::new(config.rate_limit),
            buckets: Buckets::new(config.rate_limit),
            ledger: Ledger::default(),
            faults: Faults::default(),
            changes,
            hooks: Hooks::new((100_000 + config.seed().number("company-id", 900_000)).to_string()),
            base_url,
        };
        state.replay();
        state.views.assign(&state.credentials, &state.world);
        let Self { world, quirks, base_url, views, .. } = &mut state;
        views.render(Scene { world, quirks, base_url, whitelist: None }, config.dialect);
        state
    }

    /// Applies what an earlier life of this sandbox changed.
    fn replay(&mut self) {
        let world = &mut self.world;
        for (id, person) in &self.changes.people {
            match person {
                Some(person) => drop(world.people.insert(*id, person.clone())),
                None => drop(world.people.remove(id)),
            }
        }
        for (id, absence) in &self.changes.absences {
            match absence {
                Some(absence) => drop(world.absences.insert(*id, absence.clone())),
                None => drop(world.absences.remove(id)),
            }
        }
        for (id, attendance) in &self.changes.attendances {
            match attendance {
                Some(attendance) => drop(world.attendances.insert(*id, attendance.clone())),
                None => drop(world.attendances.remove(id)),
            }
        }
        let people = &world.people;
        world.absences.retain(|_, absence| people.contains_key(&absence.employee_id));
        world.attendances.retain(|_, attendance| people.contains_key(&attendance.employee_id));
        self.tokens.restore(&self.changes.tokens);
        if let Some(quirks) = &self.changes.quirks {
            self.quirks = quirks.clone();
        }
        for credential in &mut self.credentials {
            if let Some(Rights { whitelist, forbid_discovery, scopes }) = self.changes.rights.get(&credential.client_id)
            {
                credential.whitelist.clone_from(whitelist);
                credential.forbid_discovery = *forbid_discovery;
                credential.scopes = *scopes;
            }
        }
    }

    /// What a credential's answers are rendered from; `None` sees everything.
    pub(crate) fn scene(&self, credential: Option<usize>) -> Scene<'_> {
        Scene {
            world: &self.world,
            quirks: &self.quirks,
            base_url: &self.base_url,
            whitelist: credential.and_then(|index| self.credentials.get(index)).and_then(|c| c.whitelist.as_ref()),
        }
    }

    /// The scene with the credential's view of everybody beside it.
    pub(crate) fn scene_and_view(&mut self, credential: usize) -> Option<(Scene<'_>, &mut View)> {
        let Self { world, quirks, base_url, credentials, views, .. } = self;
        let whitelist = credentials.get(credential)?.whitelist.as_ref();
        Some((Scene { world, quirks, base_url, whitelist }, views.of(credential)?))
    }
}
