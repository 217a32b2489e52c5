//! What employees, absences and attendances share on the wire: references, reading canonical fields, filters.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use gangway_app::records::{RecordQuery, RecordView};
use gangway_domain::{
    id::EmployeeId,
    record::{Fields, RecordState},
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::extract::{self, DAY, FromParams, MOMENT, PageQuery, Params};

/// A kind of record.
#[derive(ToSchema)]
#[schema(as = Stream, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes the domain's type, which knows no OpenAPI")]
pub(crate) enum StreamView {
    Employees,
    Absences,
    Attendances,
}

/// Whether the vendor shows a record.
#[derive(ToSchema)]
#[schema(as = RecordState, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes the domain's type, which knows no OpenAPI")]
pub(crate) enum RecordStateView {
    Present,
    Deleted,
    Hidden,
}

/// Something of the vendor's that a record names.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Reference)]
pub(crate) struct ReferenceView {
    /// The vendor's id.
    id: Option<String>,
    name: Option<String>,
}

/// What every record tells about itself.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Origin)]
pub(crate) struct OriginView {
    /// The connection it came through.
    connection_id: String,
    /// The vendor's id space.
    #[schema(example = "personio.v1")]
    source: String,
    /// The vendor's id.
    external_id: String,
}

impl OriginView {
    pub(crate) fn of(record: &RecordView) -> Self {
        Self {
            connection_id: record.connection.to_string(),
            source: record.external.source.clone(),
            external_id: record.external.id.clone(),
        }
    }
}

/// Canonical fields, read with their types. A value of another shape than the model says is shown as absent.
pub(crate) struct Reader<'a>(pub(crate) &'a Fields);

impl Reader<'_> {
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        match self.0.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        self.0.get(name)?.as_bool()
    }

    pub(crate) fn integer(&self, name: &str) -> Option<i64> {
        self.0.get(name)?.as_i64()
    }

    pub(crate) fn reference(&self, name: &str) -> Option<ReferenceView> {
        let object = self.0.get(name)?.as_object()?;
        let member = |key: &str| object.get(key).and_then(Value::as_str).map(str::to_owned);
        Some(ReferenceView { id: member("id"), name: member("name") })
    }

    pub(crate) fn list(&self, name: &str) -> Vec<&serde_json::Map<String, Value>> {
        self.0.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object).collect()
    }
}

/// Canonical fields that need the scope `sensitive:read`, of one record.
pub(crate) struct Sensitive<'a> {
    /// None for a key without the scope.
    fields: Option<Reader<'a>>,
    names: &'static [&'static str],
}

impl<'a> Sensitive<'a> {
    pub(crate) fn of(record: &'a RecordView, names: &'static [&'static str]) -> Self {
        Self { fields: record.sensitive_fields.as_ref().map(Reader), names }
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.fields.as_ref()?.text(name)
    }

    /// Named whether or not there is a value: that somebody wrote a comment is told to nobody else either.
    pub(crate) fn withheld(&self) -> Vec<String> {
        if self.fields.is_some() { Vec::new() } else { self.names.iter().map(|name| (*name).to_owned()).collect() }
    }
}

/// Values by the vendor's key.
pub(crate) type Values = BTreeMap<String, Value>;

/// Which records, of any stream.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RecordFilter {
    /// Only through this connection.
    #[param(value_type = Option<String>)]
    connection_id: Option<gangway_domain::id::ConnectionId>,
    /// `present` when left out.
    #[param(value_type = Option<RecordStateView>)]
    state: Option<RecordState>,
    /// Only with this status (`active`, `approved`).
    status: Option<String>,
    /// Only what changed at or after this moment.
    updated_since: Option<DateTime<Utc>>,
}

impl FromParams for RecordFilter {
    fn from_params(params: &mut Params) -> Self {
        Self {
            connection_id: params
                .parsed("connection_id", "must be a connection's id (`con_…`)", |text| text.parse().ok()),
            state: params.parsed("state", "must be `present`, `deleted` or `hidden`", RecordState::parse),
            status: params.text("status"),
            updated_since: params.parsed("updated_since", MOMENT, extract::moment),
        }
    }
}

impl RecordFilter {
    pub(crate) fn into_query(self) -> RecordQuery {
        let Self { connection_id, state, status, updated_since } = self;
        RecordQuery { connection: connection_id, state, status, updated_since, ..RecordQuery::default() }
    }
}

/// Which absences or attendances.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct TimeFilter {
    /// Only of this employee.
    #[param(value_type = Option<String>)]
    employee_id: Option<EmployeeId>,
    /// Only what lasts until this day or longer.
    from: Option<NaiveDate>,
    /// Only what begins on this day or before.
    to: Option<NaiveDate>,
}

/// Which page of which absences or attendances.
pub(crate) struct TimeQuery {
    record: RecordFilter,
    time: TimeFilter,
    pub(crate) page: PageQuery,
}

impl FromParams for TimeQuery {
    fn from_params(params: &mut Params) -> Self {
        let time = TimeFilter {
            employee_id: params.parsed("employee_id", "must be an employee's id (`emp_…`)", |text| text.parse().ok()),
            from: params.parsed("from", DAY, extract::day),
            to: params.parsed("to", DAY, extract::day),
        };
        Self { record: RecordFilter::from_params(params), time, page: PageQuery::from_params(params) }
    }
}

impl TimeQuery {
    pub(crate) fn into_query(self) -> RecordQuery {
        let TimeFilter { employee_id, from, to } = self.time;
        RecordQuery { employee: employee_id, from, to, ..self.record.into_query() }
    }
}
