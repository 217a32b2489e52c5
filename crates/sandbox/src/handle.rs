//! A running sandbox from the inside: the oracle that tests compare with, and the hand that changes it.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::admin;
use crate::answer::Answer;
use crate::change::Rejected;
use crate::faults::{Fault, Standing as StandingFault};
use crate::hooks::{WebhookDelivery, sender};
use crate::ledger::Report;
use crate::people::{Absence, Attendance, Person};
use crate::quirks::Quirks;
use crate::request::Request;
use crate::routes;
use crate::shapes::vendor;
use crate::state::{Shared, State};
use crate::v2::{self, AbsencePeriod, AttendancePeriod};

/// A cloneable way to the state of a sandbox.
#[derive(Clone)]
pub struct Handle(pub(crate) Arc<Shared>);

impl Handle {
    /// Everybody, plain: dates as `YYYY-MM-DD`, hours as numbers, the supervisor as an id, units as `{id, name}`.
    pub fn people(&self) -> Vec<Value> {
        self.0.lock().world.people.values().map(Person::snapshot).collect()
    }

    /// One person, as in [`Handle::people`].
    pub fn person(&self, id: u64) -> Option<Value> {
        self.0.lock().world.people.get(&id).map(Person::snapshot)
    }

    /// All absences.
    pub fn absences(&self) -> Vec<Absence> {
        self.0.lock().world.absences.values().cloned().collect()
    }

    /// All attendances.
    pub fn attendances(&self) -> Vec<Attendance> {
        self.0.lock().world.attendances.values().cloned().collect()
    }

    /// All absences, as version 2 has them.
    pub fn absence_periods(&self) -> Vec<AbsencePeriod> {
        v2::absence_periods(&self.0.lock())
    }

    /// The number in version 1 of an absence of version 2.
    pub fn absence_of(&self, period: &str) -> Option<u64> {
        v2::absence_of(&self.0.lock(), period)
    }

    /// The periods of all attendances, as version 2 has them.
    pub fn attendance_periods(&self) -> Vec<AttendancePeriod> {
        v2::attendance_periods(&self.0.lock())
    }

    /// The number of the attendance that a period of version 2 is a part of.
    pub fn attendance_of(&self, period: &str) -> Option<u64> {
        v2::attendance_of(&self.0.lock(), period)
    }

    /// The kinds of absence, plain: `{id, name, category, unit, approval_required}`.
    pub fn time_off_types(&self) -> Vec<Value> {
        self.0.lock().world.types.iter().map(|kind| json!(kind)).collect()
    }

    /// Every attribute of the company, as the vendor's discovery tells it to a credential that may read all.
    pub fn attributes(&self) -> Vec<Value> {
        let state = self.0.lock();
        let scene = state.scene(None);
        scene.world.catalogue.iter().map(|attribute| vendor::attribute(&scene, attribute)).collect()
    }

    /// Adds a person from plain values and returns the id.
    ///
    /// # Errors
    /// When a required value is missing or one does not fit.
    pub fn add_person(&self, values: &Value) -> Result<u64, Rejected> {
        let now = self.0.now();
        self.change(|state| state.add_person(values, now))
    }

    /// Sets the given values of a person.
    ///
    /// # Errors
    /// When there is no such person or a value does not fit.
    pub fn change_person(&self, id: u64, values: &Value) -> Result<(), Rejected> {
        let now = self.0.now();
        self.change(|state| state.change_person(id, values, now))
    }

    /// Removes a person with absences and attendances.
    ///
    /// # Errors
    /// When there is no such person.
    pub fn remove_person(&self, id: u64) -> Result<(), Rejected> {
        let now = self.0.now();
        self.change(|state| state.remove_person(id, now))
    }

    /// Adds an absence and returns its id.
    ///
    /// # Errors
    /// When a required value is missing or one does not fit.
    pub fn add_absence(&self, values: &Value) -> Result<u64, Rejected> {
        let now = self.0.now();
        self.change(|state| state.add_absence(values, now))
    }

    /// Sets the given values of an absence.
    ///
    /// # Errors
    /// When there is no such absence or a value does not fit.
    pub fn change_absence(&self, id: u64, values: &Value) -> Result<(), Rejected> {
        let now = self.0.now();
        self.change(|state| state.change_absence(id, values, now))
    }

    /// Removes an absence.
    ///
    /// # Errors
    /// When there is no such absence.
    pub fn remove_absence(&self, id: u64) -> Result<(), Rejected> {
        self.change(|state| state.remove_absence(id))
    }

    /// Adds an attendance and returns its id.
    ///
    /// # Errors
    /// When a required value is missing or one does not fit.
    pub fn add_attendance(&self, values: &Value) -> Result<u64, Rejected> {
        let now = self.0.now();
        self.change(|state| state.add_attendance(values, now))
    }

    /// Sets the given values of an attendance.
    ///
    /// # Errors
    /// When there is no such attendance or a value does not fit.
    pub fn change_attendance(&self, id: u64, values: &Value) -> Result<(), Rejected> {
        let now = self.0.now();
        self.change(|state| state.change_attendance(id, values, now))
    }

    /// Removes an attendance.
    ///
    /// # Errors
    /// When there is no such attendance.
    pub fn remove_attendance(&self, id: u64) -> Result<(), Rejected> {
        self.change(|state| state.remove_attendance(id))
    }

    /// The switches as they stand.
    pub fn quirks(&self) -> Quirks {
        self.0.lock().quirks.clone()
    }

    /// Replaces all switches.
    ///
    /// # Errors
    /// When the state file cannot be written.
    pub fn set_quirks(&self, quirks: Quirks) -> Result<(), Rejected> {
        self.change(|state| {
            state.set_quirks(quirks);
            Ok(())
        })
    }

    /// Sets some switches, and `credentials` or `expire_tokens` beside them, as the admin endpoint does.
    ///
    /// # Errors
    /// When a switch is not known or its value does not fit; nothing is set then.
    pub fn change_switches(&self, switches: &Value) -> Result<Quirks, Rejected> {
        self.change(|state| state.change_switches(switches).map(|()| state.quirks.clone()))
    }

    /// Changes which attributes a credential may read; `None` is all.
    ///
    /// # Errors
    /// When there is no such credential.
    pub fn set_whitelist(&self, client_id: &str, keys: Option<Vec<String>>) -> Result<(), Rejected> {
        self.change(|state| state.set_whitelist(client_id, keys.map(|keys| keys.into_iter().collect())))
    }

    /// Changes what the tokens of version 2 may do that a credential has or gets, as `personio:persons:read`; `None` is all.
    ///
    /// # Errors
    /// When there is no such credential or scope.
    pub fn set_scopes(&self, client_id: &str, scopes: Option<Vec<String>>) -> Result<(), Rejected> {
        self.change(|state| state.set_scopes(client_id, scopes))
    }

    /// The attributes that the credential at `place` in the configuration may read; `None` is all.
    pub fn whitelist(&self, place: usize) -> Option<BTreeSet<String>> {
        self.0.lock().credentials.get(place).and_then(|credential| credential.whitelist.clone())
    }

    /// Ends the life of every token given out.
    pub fn expire_tokens(&self) {
        self.0.lock().tokens.expire_all();
    }

    /// Lets something go wrong from now on; answers what names the fault.
    ///
    /// # Errors
    /// When the path is not one of the vendor's API or the effect is none that can be had.
    pub fn add_fault(&self, fault: Fault) -> Result<u64, Rejected> {
        if let Some(problem) = fault.problem() {
            return Err(Rejected::invalid("fault", problem));
        }
        Ok(self.0.lock().faults.add(fault))
    }

    /// The faults in the order they were told, also those that hit nobody any more.
    pub fn faults(&self) -> Vec<StandingFault> {
        self.0.lock().faults.list()
    }

    /// Takes a fault away.
    ///
    /// # Errors
    /// When there is none with this id.
    pub fn remove_fault(&self, id: u64) -> Result<(), Rejected> {
        let removed = self.0.lock().faults.remove(Some(id));
        removed.then_some(()).ok_or(Rejected::NotFound { what: "fault", id })
    }

    /// Takes all faults away.
    pub fn remove_faults(&self) {
        self.0.lock().faults.remove(None);
    }

    /// Counts by route and the last `n_recent` requests.
    pub fn ledger(&self, n_recent: usize) -> Report {
        self.0.lock().ledger.report(n_recent)
    }

    /// How many requests the vendor's API was sent.
    pub fn request_count(&self) -> u64 {
        self.ledger(0).total
    }

    /// Sends the webhooks that are due, and those that follow at once; answers with the number of requests.
    pub async fn send_webhooks(&self) -> usize {
        let mut sending = JoinSet::new();
        let mut n = 0;
        loop {
            sender::begin(self, &mut sending);
            match sending.join_next().await {
                Some(sent) => n += sent.unwrap_or_default(),
                None => return n,
            }
        }
    }

    /// The requests to receivers of webhooks so far, oldest first.
    pub fn webhook_deliveries(&self) -> Vec<WebhookDelivery> {
        self.0.lock().hooks.sent(self.0.now()).cloned().collect()
    }

    /// The webhooks as the vendor's API shows them.
    pub fn webhooks(&self) -> Vec<Value> {
        let state = self.0.lock();
        state.changes.webhooks.values().map(|webhook| v2::webhook_shape(&state, webhook)).collect()
    }

    /// How many deliveries wait for their time.
    pub fn webhooks_waiting(&self) -> usize {
        self.0.lock().hooks.n_waiting()
    }

    pub(crate) fn answer(&self, request: &Request) -> Answer {
        if request.path == admin::PREFIX || request.path.starts_with("/_sandbox/") {
            return admin::answer(self, request);
        }
        if request.path == "/" && request.method == "GET" {
            let config = &self.0.config;
            let about = json!({"sandbox": "personio", "company": config.company, "dialect": config.dialect});
            return Answer::json(200, &about);
        }
        routes::answer(&self.0, request)
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> Result<T, Rejected>) -> Result<T, Rejected> {
        let mut state = self.0.lock();
        let result = change(&mut state);
        state.tell_changes(self.0.now());
        self.0.ring(&state);
        let result = result?;
        self.0.save(&mut state).map_err(|error| {
            tracing::error!(%error, "sandbox state not written");
            Rejected::NotKept(error)
        })?;
        Ok(result)
    }
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handle").field("base_url", &self.0.base_url).finish_non_exhaustive()
    }
}
