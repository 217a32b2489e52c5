//! A record as readers get it.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use gangway_domain::{
    id::{ConnectionId, EmployeeId, PersonId, SyncRunId},
    record::{ExternalId, Fields, RecordState, Stream},
};
use gangway_storage::{TenantTx, records::Record};
use serde_json::Value;
use uuid::Uuid;

use crate::{Result, seal::TenantKeys, syncs::SealedPart};

/// A record.
#[derive(Clone, PartialEq)]
pub struct RecordView {
    /// Identity; [`super::wire_id`] gives its form on the wire.
    pub id: Uuid,
    /// What kind it is.
    pub stream: Stream,
    /// The connection it came through.
    pub connection: ConnectionId,
    /// Its name at the vendor.
    pub external: ExternalId,
    /// Canonical fields.
    pub fields: Fields,
    /// Standard attributes that feed no canonical field.
    pub attributes: BTreeMap<String, Value>,
    /// Selected sensitive attributes; none when the reader may not see them.
    pub sensitive: Option<BTreeMap<String, Value>>,
    /// Canonical fields that are kept sealed; none when the reader may not see them.
    pub sensitive_fields: Option<Fields>,
    /// Fields and attributes whose value is kept from an older reading, of those that the reader may see.
    pub stale: Vec<String>,
    /// Employees: the person.
    pub person: Option<PersonId>,
    /// Absences and attendances: whose, when we know the employee.
    pub employee: Option<EmployeeId>,
    /// Employees: the supervisor, when we know the employee.
    pub supervisor: Option<EmployeeId>,
    /// Whether the vendor shows it.
    pub state: RecordState,
    /// Raised at every change; the strong `ETag`.
    pub version: i64,
    /// When we first saw it.
    pub first_seen_at: DateTime<Utc>,
    /// The run that first saw it.
    pub first_seen_run: SyncRunId,
    /// When we last found it changed.
    pub changed_at: DateTime<Utc>,
    /// When it was found gone.
    pub deleted_at: Option<DateTime<Utc>>,
}

impl std::fmt::Debug for RecordView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecordView")
            .field("id", &self.id)
            .field("stream", &self.stream)
            .field("state", &self.state)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// What a view shows beside the record.
#[derive(Default)]
pub(super) struct Beside {
    persons: HashMap<Uuid, PersonId>,
    employees: HashMap<(ConnectionId, String), EmployeeId>,
    sensitive: Option<HashMap<Uuid, SealedPart>>,
}

impl Beside {
    /// Reads what these records need, in two queries. Sealed values are read only with keys that open them.
    pub(super) async fn of(tx: &TenantTx, opener: Option<&TenantKeys>, records: &[Record]) -> Result<Self> {
        let ids: Vec<Uuid> = records.iter().map(|record| record.id).collect();
        let is_employees = records.first().is_some_and(|record| record.stream == Stream::Employees);
        let names: Vec<(ConnectionId, String)> =
            records.iter().filter_map(|record| Some((record.connection, referenced(record)?.to_owned()))).collect();
        let mut persons = HashMap::new();
        let mut sensitive = opener.map(|_| HashMap::new());
        if is_employees || opener.is_some() {
            for (record, found) in tx.records().list_beside(&ids, opener.is_some()).await? {
                persons.extend(found.person.map(|person| (record, person)));
                if let (Some(keys), Some(sealed), Some(opened)) = (opener, found.sealed, &mut sensitive) {
                    // One that does not open must not keep the others from being read.
                    let part = SealedPart::open_or_lose(keys, tx, record, &sealed).await?;
                    opened.insert(record, part.unwrap_or_default());
                }
            }
        }
        Ok(Self { persons, employees: tx.records().list_employees_by_name(&names).await?, sensitive })
    }

    /// Whether sealed values were opened, so that the reading must be noted.
    pub(super) fn holds_sensitive(&self) -> bool {
        self.sensitive.as_ref().is_some_and(|opened| !opened.is_empty())
    }

    pub(super) fn view(&mut self, record: Record) -> RecordView {
        let referenced =
            referenced(&record).and_then(|name| self.employees.get(&(record.connection, name.to_owned())).copied());
        let (employee, supervisor) = match record.stream {
            Stream::Employees => (None, referenced),
            Stream::Absences | Stream::Attendances => (referenced, None),
        };
        let opened = self.sensitive.as_mut().map(|opened| opened.remove(&record.id).unwrap_or_default());
        let (sensitive, sensitive_fields) =
            opened.map(|SealedPart { fields, attributes }| (attributes, fields)).unzip();
        let Record {
            id,
            connection,
            stream,
            external,
            employee_external_id: _,
            email: _,
            status: _,
            starts_on: _,
            ends_on: _,
            fields,
            attributes,
            stale,
            hash: _,
            kept_by: _,
            mapped_by: _,
            state,
            version,
            first_seen_at,
            first_seen_run,
            changed_at,
            deleted_at,
        } = record;
        RecordView {
            id,
            stream,
            connection,
            external,
            fields,
            attributes,
            sensitive,
            sensitive_fields,
            stale,
            person: self.persons.get(&id).copied(),
            employee,
            supervisor,
            state,
            version,
            first_seen_at,
            first_seen_run,
            changed_at,
            deleted_at,
        }
    }
}

/// The vendor id of the employee that a record names: whose it is, or who supervises.
fn referenced(record: &Record) -> Option<&str> {
    match record.stream {
        Stream::Employees => record.fields.get("supervisor")?.get("id")?.as_str(),
        Stream::Absences | Stream::Attendances => record.employee_external_id.as_deref(),
    }
}
