//! What employee records say about more than themselves: the persons they belong to, and the offices there are.

use std::collections::{BTreeMap, HashMap};

use gangway_domain::id::{ConnectionId, EmployeeId, PersonId};
use gangway_storage::{TenantTx, persons::PersonLink, records::Record};
use serde_json::Value;
use uuid::Uuid;

use super::columns;
use crate::{Ctx, Result};

/// Characters of an office's name.
const MAX_OFFICE_NAME: usize = 200;

/// Gives each new employee record a person: the one who has the same work email through another connection, or had it through
/// this one and left; else a new one. Answers the former records of those who came back under a new one.
pub(super) async fn link(
    ctx: &Ctx,
    tx: &TenantTx,
    connection: ConnectionId,
    employees: Vec<(Uuid, Option<String>)>,
) -> Result<HashMap<Uuid, Uuid>> {
    let mut rehired = HashMap::new();
    if employees.is_empty() {
        return Ok(rehired);
    }
    let app = ctx.app();
    let now = app.now();
    let mut emails: Vec<String> = employees.iter().filter_map(|(_, email)| email.clone()).collect();
    emails.sort_unstable();
    emails.dedup();
    let ids: Vec<Uuid> = employees.iter().map(|(id, _)| *id).collect();
    let mut known = tx.persons().list_by_emails(&emails, connection, &ids).await?;
    // Their other connection may be deleted at this moment, and they with it.
    let named: Vec<PersonId> = known.values().map(|namesake| namesake.person).collect();
    let still_there = tx.persons().lock(&named).await?;
    known.retain(|_, namesake| still_there.contains(&namesake.person));
    let mut created: Vec<PersonId> = Vec::new();
    let links = employees
        .into_iter()
        .map(|(employee, email)| {
            let known = email.and_then(|email| known.get(&email).copied());
            if let Some(former) = known.and_then(|known| known.former) {
                rehired.insert(employee, former);
            }
            let person = known.map_or_else(
                || {
                    let person = app.new_id();
                    created.push(person);
                    person
                },
                |known| known.person,
            );
            PersonLink {
                employee: EmployeeId::from_uuid(employee),
                person,
                linked_by: "connector".to_owned(),
                linked_at: now,
            }
        })
        .collect();
    tx.persons().create(&created, now).await?;
    tx.persons().link(links).await?;
    Ok(rehired)
}

/// Notes the offices that changed records name, so that each can be given a time zone.
pub(super) async fn note_offices(tx: &TenantTx, connection: ConnectionId, records: &[Record]) -> Result<()> {
    let offices: BTreeMap<String, String> = records
        .iter()
        .filter_map(|record| {
            let office = record.fields.get("office")?;
            let id = office.get("id").and_then(Value::as_str)?;
            let name = office.get("name").and_then(Value::as_str)?;
            columns::holds_name(id).then(|| (id.to_owned(), columns::label(name, MAX_OFFICE_NAME)))
        })
        .collect();
    tx.offices().upsert(connection, offices.into_iter().collect()).await?;
    Ok(())
}
