//! Persons (identities), and which employee records are theirs.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use gangway_domain::id::{ConnectionId, EmployeeId, PersonId};
use sea_orm::{FromQueryResult, Value};
use uuid::Uuid;

use crate::{Result, TenantTx, micros::to_micros, records::batch};

/// Persons of the tenant.
#[derive(Debug, Clone, Copy)]
pub struct Persons<'a>(pub(crate) &'a TenantTx);

/// An employee record's person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonLink {
    /// The employee record.
    pub employee: EmployeeId,
    /// The person.
    pub person: PersonId,
    /// Who found that they belong together (`connector`, later a user).
    pub linked_by: String,
    /// When.
    pub linked_at: DateTime<Utc>,
}

/// Who has a work email.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Namesake {
    /// The person.
    pub person: PersonId,
    /// The newest record on the same connection that they left behind.
    pub former: Option<Uuid>,
}

#[derive(FromQueryResult)]
struct ByEmail {
    id: Uuid,
    email: String,
    connection_id: Uuid,
    person_id: Uuid,
}

#[derive(FromQueryResult)]
struct Person {
    id: Uuid,
}

impl Persons<'_> {
    /// Adds persons.
    pub async fn create(&self, persons: &[PersonId], at: DateTime<Utc>) -> Result<()> {
        let rows = persons.iter().map(|person| vec![person.uuid().into(), to_micros(at).into()]).collect();
        batch::insert(self.0, "person", &["id", "created_at"], "", rows).await?;
        Ok(())
    }

    /// Links employee records to persons; a record that is linked stays so.
    pub async fn link(&self, links: Vec<PersonLink>) -> Result<()> {
        let rows = links
            .into_iter()
            .map(|PersonLink { employee, person, linked_by, linked_at }| {
                vec![employee.uuid().into(), person.uuid().into(), linked_by.into(), to_micros(linked_at).into()]
            })
            .collect();
        let columns = ["record_id", "person_id", "linked_by", "linked_at"];
        batch::insert(self.0, "person_link", &columns, "DO NOTHING", rows).await?;
        Ok(())
    }

    /// Locks persons against deletion until the commit; answers those who are still there.
    pub async fn lock(&self, persons: &[PersonId]) -> Result<HashSet<PersonId>> {
        let lock = if self.0.is_postgres() { "FOR KEY SHARE" } else { "" };
        let mut locked = HashSet::with_capacity(persons.len());
        for chunk in persons.chunks(batch::CHUNK) {
            let places = batch::places(2, chunk.len());
            // In one order, so that two who lock the same persons never wait for each other.
            let sql = format!("SELECT id FROM person WHERE tenant_id = $1 AND id IN ({places}) ORDER BY id {lock}");
            let mut values: Vec<Value> = vec![self.0.tenant().uuid().into()];
            values.extend(chunk.iter().map(|person| Value::from(person.uuid())));
            let rows: Vec<Person> = self.0.query(&sql, values).await?;
            locked.extend(rows.into_iter().map(|row| PersonId::from_uuid(row.id)));
        }
        Ok(locked)
    }

    /// Deletes the persons who have no employee record left, as when their connection was deleted; answers how many. Who is
    /// just being linked stays, and goes with a later call when nothing came of it.
    pub async fn delete_orphans(&self) -> Result<u64> {
        const ORPHANS: &str = "tenant_id = $1 AND NOT EXISTS (
            SELECT 1 FROM person_link l WHERE l.tenant_id = person.tenant_id AND l.person_id = person.id)";
        let tenant = || Value::from(self.0.tenant().uuid());
        if !self.0.is_postgres() {
            let sql = format!("DELETE FROM person WHERE {ORPHANS}");
            return Ok(self.0.execute(&sql, vec![tenant()]).await?.rows_affected());
        }
        // Locked first: the second look sees the links that were committed since the first.
        let sql = format!("SELECT id FROM person WHERE {ORPHANS} ORDER BY id FOR UPDATE SKIP LOCKED");
        let orphans: Vec<Person> = self.0.query(&sql, vec![tenant()]).await?;
        let mut n_deleted = 0;
        for chunk in orphans.chunks(batch::CHUNK) {
            let sql = format!("DELETE FROM person WHERE {ORPHANS} AND id IN ({})", batch::places(2, chunk.len()));
            let mut values = vec![tenant()];
            values.extend(chunk.iter().map(|row| Value::from(row.id)));
            n_deleted += self.0.execute(&sql, values).await?.rows_affected();
        }
        Ok(n_deleted)
    }

    /// The persons who have one of these work emails (lower case) through another connection, or through this one on a record
    /// that is gone or of somebody who left. Emails that lead to several persons are left out: which of them it is, a human
    /// must say. `except` are the records that ask.
    pub async fn list_by_emails(
        &self,
        emails: &[String],
        connection: ConnectionId,
        except: &[Uuid],
    ) -> Result<HashMap<String, Namesake>> {
        let mut found: HashMap<String, Option<Namesake>> = HashMap::new();
        for chunk in emails.chunks(batch::CHUNK) {
            // Only employees have persons. Nothing is said of the stream, lest the index of listings looks as good as that of emails.
            let select = "SELECT r.id, r.email, r.connection_id, l.person_id FROM record r
                 JOIN person_link l ON l.tenant_id = r.tenant_id AND l.record_id = r.id
                 WHERE r.tenant_id = $1 AND (r.connection_id <> $2 OR r.state <> 'present' OR r.status = 'inactive')";
            let sql = batch::one_of(self.0.is_postgres(), select, "r.email", 3, chunk.len());
            let mut values: Vec<Value> = vec![self.0.tenant().uuid().into(), connection.uuid().into()];
            values.extend(chunk.iter().map(|email| Value::from(email.as_str())));
            let mut rows: Vec<ByEmail> = self.0.query(&sql, values).await?;
            rows.sort_by_key(|row| row.id);
            for ByEmail { id, email, connection_id, person_id } in rows {
                if except.contains(&id) {
                    continue;
                }
                let person = PersonId::from_uuid(person_id);
                let former = (connection_id == connection.uuid()).then_some(id);
                let known = found.entry(email).or_insert(Some(Namesake { person, former }));
                match known {
                    Some(known) if known.person == person => known.former = former.or(known.former),
                    _ => *known = None,
                }
            }
        }
        Ok(found.into_iter().filter_map(|(email, person)| Some((email, person?))).collect())
    }
}
