//! Finding records for the API: listings by filter, one record, and the employees behind vendor ids.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, NaiveDate, Utc};
use gangway_domain::{
    id::{ConnectionId, EmployeeId, PersonId},
    record::{RecordState, Stream},
};
use sea_orm::{
    ColumnTrait as _, Condition, FromQueryResult, QueryFilter as _, QueryOrder as _, QuerySelect as _, Value,
};
use uuid::Uuid;

use super::{Record, Records, batch, row};
use crate::{
    Page, PageRequest, Result,
    entity::record::{Column, Entity},
    micros::to_micros,
};

/// Which records a listing shows.
#[derive(Debug, Clone, Default)]
pub struct RecordFilter {
    /// Only through this connection.
    pub connection: Option<ConnectionId>,
    /// Not through these.
    pub not_connections: Vec<ConnectionId>,
    /// Only in this state.
    pub state: Option<RecordState>,
    /// Only with this status.
    pub status: Option<String>,
    /// Only with this work email, in lower case.
    pub email: Option<String>,
    /// Only what changed at or after.
    pub updated_since: Option<DateTime<Utc>>,
    /// Only of the employee who goes by one of these vendor ids on these connections.
    pub employee: Option<Vec<(ConnectionId, String)>>,
    /// Only what lasts until this day or longer.
    pub from: Option<NaiveDate>,
    /// Only what begins on this day or before.
    pub to: Option<NaiveDate>,
}

#[derive(FromQueryResult)]
#[expect(clippy::struct_field_names, reason = "named as the columns are")]
struct NameRow {
    connection_id: Uuid,
    external_id: String,
    record_id: Uuid,
}

/// What belongs to a record and lies apart.
#[derive(Debug)]
pub struct Beside {
    /// Employees: the person.
    pub person: Option<PersonId>,
    /// The sealed sensitive part, when it was asked for.
    pub sealed: Option<Vec<u8>>,
}

#[derive(FromQueryResult)]
struct BesideRow {
    record_id: Uuid,
    person_id: Option<Uuid>,
    sealed: Option<Vec<u8>>,
}

impl Records<'_> {
    /// Records of a stream in creation order. Text with NUL, which no column holds, finds nothing.
    pub async fn list(&self, stream: Stream, filter: &RecordFilter, page: PageRequest<Uuid>) -> Result<Page<Record>> {
        let RecordFilter { connection, not_connections, state, status, email, updated_since, employee, from, to } =
            filter;
        let texts = [status.as_deref(), email.as_deref()];
        if texts.into_iter().flatten().any(|text| text.contains('\0')) {
            return Ok(Page { items: Vec::new(), has_more: false });
        }
        let mut condition = Condition::all()
            .add(Column::Stream.eq(stream.as_str()))
            .add_option(page.after.map(|after| Column::Id.gt(after)))
            .add_option(connection.map(|id| Column::ConnectionId.eq(id.uuid())))
            .add_option(state.map(|state| Column::State.eq(state.as_str())))
            .add_option(status.as_deref().map(|status| Column::Status.eq(status)))
            .add_option(email.as_deref().map(|email| Column::Email.eq(email)))
            .add_option(updated_since.map(|since| Column::ChangedAt.gte(to_micros(since))))
            .add_option(from.map(|day| Column::EndsOn.gte(day.to_string())))
            .add_option(to.map(|day| Column::StartsOn.lte(day.to_string())));
        if !not_connections.is_empty() {
            condition = condition.add(Column::ConnectionId.is_not_in(not_connections.iter().map(|id| id.uuid())));
        }
        if let Some(names) = employee {
            let mut any = Condition::any();
            for (connection, external_id) in names {
                any = any.add(
                    Condition::all()
                        .add(Column::ConnectionId.eq(connection.uuid()))
                        .add(Column::EmployeeExternalId.eq(external_id.as_str())),
                );
            }
            condition = condition.add(any);
            if names.is_empty() {
                return Ok(Page { items: Vec::new(), has_more: false });
            }
        }
        let rows = self
            .0
            .find::<Entity>()
            .filter(condition)
            .order_by_asc(Column::Id)
            .limit(page.limit + 1)
            .all(self.0.raw())
            .await?;
        Ok(Page::from_overfetch(rows.into_iter().map(row::read).collect::<Result<_>>()?, page.limit))
    }

    /// One record of a stream, gone ones too.
    pub async fn find(&self, stream: Stream, id: Uuid) -> Result<Option<Record>> {
        let row = self
            .0
            .find::<Entity>()
            .filter(Column::Id.eq(id))
            .filter(Column::Stream.eq(stream.as_str()))
            .one(self.0.raw())
            .await?;
        row.map(row::read).transpose()
    }

    /// What belongs to these records, where there is any; sealed parts only when they are wanted.
    pub async fn list_beside(&self, ids: &[Uuid], is_sealed_wanted: bool) -> Result<HashMap<Uuid, Beside>> {
        let mut beside = HashMap::with_capacity(ids.len());
        let wanted = if is_sealed_wanted { "" } else { "AND FALSE" };
        for chunk in ids.chunks(batch::CHUNK) {
            let sql = format!(
                "SELECT r.id AS record_id, l.person_id, p.sensitive AS sealed FROM record r
                 LEFT JOIN person_link l ON l.tenant_id = r.tenant_id AND l.record_id = r.id
                 LEFT JOIN record_payload p ON p.tenant_id = r.tenant_id AND p.record_id = r.id {wanted}
                 WHERE r.tenant_id = $1 AND r.id IN ({})",
                batch::places(2, chunk.len())
            );
            let rows: Vec<BesideRow> = self.0.query(&sql, self.with_ids(chunk)).await?;
            beside.extend(rows.into_iter().map(|BesideRow { record_id, person_id, sealed }| {
                (record_id, Beside { person: person_id.map(PersonId::from_uuid), sealed })
            }));
        }
        Ok(beside)
    }

    /// The vendor ids an employee goes by.
    pub async fn list_employee_names(&self, employee: EmployeeId) -> Result<Vec<(ConnectionId, String)>> {
        let sql = "SELECT connection_id, external_id, record_id FROM record_alias
                   WHERE tenant_id = $1 AND record_id = $2 AND stream = 'employees'";
        let values = vec![self.0.tenant().uuid().into(), employee.uuid().into()];
        let rows: Vec<NameRow> = self.0.query(sql, values).await?;
        Ok(rows.into_iter().map(|row| (ConnectionId::from_uuid(row.connection_id), row.external_id)).collect())
    }

    /// The employees behind vendor ids, in one query for any number of connections; nobody is behind an id with NUL.
    pub async fn list_employees_by_name(
        &self,
        names: &[(ConnectionId, String)],
    ) -> Result<HashMap<(ConnectionId, String), EmployeeId>> {
        let names: BTreeSet<(Uuid, &str)> = names
            .iter()
            .filter(|(_, id)| !id.contains('\0'))
            .map(|(connection, id)| (connection.uuid(), id.as_str()))
            .collect();
        let names: Vec<(Uuid, &str)> = names.into_iter().collect();
        let select = "SELECT a.connection_id, a.external_id, a.record_id FROM record_alias a
                      WHERE a.tenant_id = $1 AND a.stream = 'employees'";
        let mut employees = HashMap::new();
        for chunk in names.chunks(batch::CHUNK) {
            let columns = ["a.connection_id", "a.external_id"];
            let sql = if self.0.is_postgres() {
                batch::each(select, &columns, 2, chunk.len())
            } else {
                let pairs: Vec<String> =
                    (0..chunk.len()).map(|pair| format!("({})", batch::places(2 + pair * 2, 2))).collect();
                format!("{select} AND ({}) IN (VALUES {})", columns.join(", "), pairs.join(", "))
            };
            let mut values: Vec<Value> = vec![self.0.tenant().uuid().into()];
            values.extend(chunk.iter().flat_map(|(connection, id)| [Value::from(*connection), Value::from(*id)]));
            for NameRow { connection_id, external_id, record_id } in self.0.query(&sql, values).await? {
                employees
                    .insert((ConnectionId::from_uuid(connection_id), external_id), EmployeeId::from_uuid(record_id));
            }
        }
        Ok(employees)
    }
}
