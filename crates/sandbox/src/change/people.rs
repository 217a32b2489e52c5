//! Adding, changing and removing people.

use std::collections::BTreeMap;

use chrono::{DateTime, SubsecRound as _, Utc};
use serde_json::Value;

use crate::people::Person;
use crate::shapes::vendor;
use crate::state::State;

use super::{Rejected, check, fields};

impl State {
    /// Adds a person; first name, last name and e-mail address are required.
    pub(crate) fn add_person(&mut self, body: &Value, now: DateTime<Utc>) -> Result<u64, Rejected> {
        let given = fields(body)?;
        for key in ["first_name", "last_name", "email"] {
            if !given.contains_key(key) {
                return Err(Rejected::invalid(key, "is required"));
            }
        }
        self.create_person(body, now)
    }

    /// Adds a person of whom nothing need be known.
    pub(crate) fn create_person(&mut self, body: &Value, now: DateTime<Utc>) -> Result<u64, Rejected> {
        let now = now.trunc_subsecs(0);
        let id = self.next_id(self.world.people.keys().next_back().copied());
        let mut person = Person {
            id,
            attributes: BTreeMap::new(),
            created_at: now,
            modified_at: now,
            changed_at: BTreeMap::new(),
            first_modified_at: now,
            has_picture: false,
        };
        let defaults = [
            ("status", Value::from("active")),
            ("employment_type", "internal".into()),
            ("weekly_working_hours", 40.into()),
            ("hire_date", self.today.to_string().into()),
            ("cost_centers", Value::Array(Vec::new())),
            ("absence_entitlement", Value::Array(Vec::new())),
        ];
        person.attributes.extend(defaults.map(|(key, value)| (key.to_owned(), value)));
        self.merge(&mut person, body, now)?;
        person.changed_at.clear();
        self.keep_person(person);
        Ok(id)
    }

    /// Sets the given attributes of a person and leaves the others.
    pub(crate) fn change_person(&mut self, id: u64, body: &Value, now: DateTime<Utc>) -> Result<(), Rejected> {
        let mut person = self.world.people.get(&id).cloned().ok_or(Rejected::NotFound { what: "person", id })?;
        self.merge(&mut person, body, now.trunc_subsecs(0))?;
        self.keep_person(person);
        Ok(())
    }

    /// Removes a person with all absences and attendances; reports lose their supervisor.
    pub(crate) fn remove_person(&mut self, id: u64, now: DateTime<Utc>) -> Result<(), Rejected> {
        let gone = self.world.people.remove(&id).ok_or(Rejected::NotFound { what: "person", id })?;
        self.hooks.journal().person(id, Some(&gone));
        self.changes.people.insert(id, None);
        self.views.remove(id);
        for report in self.world.reports(id) {
            if let Some(mut person) = self.world.people.get(&report).cloned() {
                person.set("supervisor", Value::Null, now.trunc_subsecs(0));
                self.keep_person(person);
            }
        }
        self.world.absences.retain(|_, absence| absence.employee_id != id);
        self.world.attendances.retain(|_, attendance| attendance.employee_id != id);
        self.changes.absences.retain(|_, absence| absence.as_ref().is_none_or(|absence| absence.employee_id != id));
        self.changes.attendances.retain(|_, kept| kept.as_ref().is_none_or(|kept| kept.employee_id != id));
        Ok(())
    }

    /// Whether a value fits an attribute, and its plain form.
    pub(crate) fn check(&self, key: &str, given: &Value) -> Result<Value, Rejected> {
        check::value(&self.world, key, given)
    }

    fn merge(&self, person: &mut Person, body: &Value, now: DateTime<Utc>) -> Result<(), Rejected> {
        for (key, given) in fields(body)? {
            let value = check::value(&self.world, key, given)?;
            match key.as_str() {
                "email" => self.must_be_free(person.id, &value)?,
                "supervisor" => self.must_be_above(person.id, &value)?,
                _ => {}
            }
            if key == "profile_picture" {
                person.has_picture = value == Value::Bool(true);
                person.changed_at.insert(key.clone(), now);
                person.modified_at = now;
            } else {
                person.set(key, value, now);
            }
        }
        Ok(())
    }

    fn must_be_free(&self, id: u64, email: &Value) -> Result<(), Rejected> {
        let email = email.as_str().unwrap_or_default();
        if !email.contains('@') {
            return Err(Rejected::invalid("email", "must be an e-mail address"));
        }
        match self.world.by_email(email) {
            Some(other) if other.id != id => {
                Err(Rejected::invalid("email", format!("belongs to the person with the id {} already", other.id)))
            }
            _ => Ok(()),
        }
    }

    /// Nobody may be above themselves.
    fn must_be_above(&self, id: u64, supervisor: &Value) -> Result<(), Rejected> {
        let mut above = supervisor.as_u64();
        let mut steps = 0;
        while let Some(current) = above {
            if current == id || steps > self.world.people.len() {
                return Err(Rejected::invalid("supervisor", "would be below this person"));
            }
            steps += 1;
            above = self.world.people.get(&current).and_then(Person::supervisor_id);
        }
        Ok(())
    }

    fn keep_person(&mut self, person: Person) {
        self.views.put(person.id);
        let old = self.world.people.insert(person.id, person.clone());
        self.hooks.journal().person(person.id, old.as_ref());
        // What stands in the answers about reports too.
        let is_told = |key: &&str| old.as_ref().is_some_and(|old| old.get(key) != person.get(key));
        if vendor::TOLD_OF_OTHERS.iter().any(is_told) {
            self.world.reports(person.id).into_iter().for_each(|report| self.views.put(report));
        }
        self.changes.people.insert(person.id, Some(person));
    }

    /// An id above every one in use and every one ever given.
    pub(crate) fn next_id(&mut self, highest: Option<u64>) -> u64 {
        let id = self.changes.last_id.max(highest.unwrap_or(0)) + 1;
        self.changes.last_id = id;
        id
    }
}
