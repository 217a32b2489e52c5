//! Creating, changing and deleting absences (time-offs), through the version that their ids are of; only version 2 changes them. In
//! version 1 the answer to a creation holds the whole absence, so nothing is read again.
//!
//! The vendor documents a form and clients send JSON with success (seen 2026-11-23); JSON keeps texts and flags apart.

use async_trait::async_trait;
use gangway_domain::record::Stream;
use gangway_egress::Method;
use serde_json::Value;

use super::{
    Destination,
    answer::About,
    compare,
    period::{self, DECIDED, Rule, boolean, day, id, optional, rule, text},
};
use crate::{
    contract::{
        AbsenceTarget, CreateAbsence, DeletePeriod, Deletion, Error, ErrorKind, FieldProblem, Outcome, ReadOne,
        Remarks, Source as _, SourceRecord, UpdateAbsence, Values, WritableField, WriteError, Written,
    },
    personio::{
        PersonioConnection,
        api::Version,
        envelope::Document,
        item::V2,
        limits::most_items,
        source::{ONE_ABSENCE_TEMPLATE, list_path, plain_id, read_or_set_aside},
        v2::write as v2,
    },
};

const NO_CHANGE: &str = "version 1 of Personio's API changes no absence; set `api` to `auto` in the connection's config, so that version 2 \
                         is asked to, or delete it and create another";

const CREATE: About = about("create an absence");
const UPDATE: About = about("change an absence");
const DELETE: About = about("delete an absence");

const fn about(operation: &'static str) -> About {
    About {
        operation,
        missing_right: "the credential lacks the right to write absences; tick \"Absences: Write\" on the credential's page in \
                        Personio's settings (Integrations > API credentials)",
        not_found: "Personio does not find what was named: the absence, its employee or its type",
        pointer,
    }
}

const RULES: &[Rule] = &[
    rule("employee", "employee_id", id),
    rule("type", "time_off_type_id", id),
    rule("starts_on", "start_date", day),
    rule("ends_on", "end_date", day),
    rule("half_day_start", "half_day_start", boolean),
    rule("half_day_end", "half_day_end", boolean),
    optional("comment", "comment", text),
];
/// Without these no absence is created.
pub(in crate::personio) const REQUIRED: &[&str] = &["employee", "type", "starts_on", "ends_on"];

const FIELDS: &[WritableField] = &table(
    WritableField::fixed("employee", NO_CHANGE),
    WritableField::fixed("type", NO_CHANGE),
    WritableField::fixed("", NO_CHANGE),
);
/// Where version 2 may be asked to change an absence.
const ROUTED: &[WritableField] = &table(
    WritableField::fixed("employee", v2::NO_MOVE),
    WritableField::fixed("type", v2::NO_TURN),
    WritableField::open(""),
);

/// `other` stands for all that say when and why.
const fn table(employee: WritableField, kind: WritableField, other: WritableField) -> [WritableField; 13] {
    [
        employee,
        kind,
        WritableField { field: "starts_on", ..other },
        WritableField { field: "ends_on", ..other },
        WritableField { field: "half_day_start", ..other },
        WritableField { field: "half_day_end", ..other },
        WritableField { field: "comment", ..other },
        WritableField::closed("status", DECIDED),
        WritableField::closed("days", DECIDED),
        WritableField::closed("hours", DECIDED),
        WritableField::closed("certificate_status", DECIDED),
        WritableField::closed("created_at", DECIDED),
        WritableField::closed("updated_at", DECIDED),
    ]
}

fn pointer(name: &str) -> String {
    period::pointer(RULES, name)
}

#[async_trait]
impl AbsenceTarget for PersonioConnection {
    fn absence_fields(&self, api_version: Option<&str>) -> &'static [WritableField] {
        match (self.writes(Stream::Absences, api_version), self.may_route()) {
            (Version::V2, _) => v2::ABSENCE_FIELDS,
            (Version::V1, true) => ROUTED,
            (Version::V1, false) => FIELDS,
        }
    }

    async fn create_absence(&self, request: CreateAbsence) -> Result<Written, WriteError> {
        // The types of the two versions have ids of their own, so the type says which is meant.
        let kind = request.values.fields.get("type").and_then(|kind| kind.get("id")?.as_str());
        let version = match kind {
            Some(kind) => self.version_of(Stream::Absences, kind),
            None => self.writes(Stream::Absences, request.api_version.as_deref()),
        };
        match version {
            Version::V1 => self.create_absence_in_v1(request).await,
            Version::V2 => v2::create_absence(&self.v2, request).await,
        }
    }

    async fn update_absence(&self, request: UpdateAbsence) -> Result<Written, WriteError> {
        if self.version_of(Stream::Absences, &request.external_id) == Version::V2 {
            return v2::update_absence(&self.v2, request).await;
        }
        if self.may_route() {
            return self.update_absence_of_v1(request).await;
        }
        let (_, problems) = period::members(&request.values, RULES, FIELDS, |field| field.on_update);
        if !problems.is_empty() {
            return Err(WriteError::Invalid(problems));
        }
        Err(WriteError::refused(Error::new(ErrorKind::Unsupported, UPDATE.operation, NO_CHANGE)))
    }

    async fn delete_absence(&self, request: DeletePeriod) -> Result<Deletion, WriteError> {
        match self.version_of(Stream::Absences, &request.external_id) {
            Version::V1 => self.delete_absence_in_v1(&request).await?,
            Version::V2 => v2::delete_absence(&self.v2, &request).await?,
        }
        let DeletePeriod { external_id, class, .. } = request;
        Ok(match self.read_one(ReadOne::new(Stream::Absences, external_id, class)).await {
            Ok(None) => Deletion::Gone,
            Ok(Some(_)) => Deletion::StillThere,
            Err(_) => Deletion::Unseen,
        })
    }
}

impl PersonioConnection {
    async fn create_absence_in_v1(&self, request: CreateAbsence) -> Result<Written, WriteError> {
        let CreateAbsence { values, approval, api_version: _, class } = request;
        let mut body = body(&values).map_err(WriteError::Invalid)?;
        if let Some(body) = body.as_object_mut() {
            body.insert("skip_approval".to_owned(), period::skips(approval).into());
        }
        let list = list_path(Stream::Absences);
        let destination = Destination::list(Method::Post, list);
        let accepted = self.write(&CREATE, destination, Some(&body), class).await?;
        let Some(record) = read(&accepted.body) else {
            let message = "Personio accepted the new absence and does not show it, so it must be looked for";
            return Err(WriteError::Unknown(Error::new(ErrorKind::Protocol, CREATE.operation, message)));
        };
        let mut written = Written::accepted(record.external.id.clone());
        written.outcomes = compare::outcomes(&values, &record);
        if written.outcomes.get("employee") == Some(&Outcome::Ignored) {
            let message = "Personio accepted the new absence and shows somebody else's, so it must be looked for";
            return Err(WriteError::Unknown(Error::new(ErrorKind::Protocol, CREATE.operation, message)));
        }
        written.remarks = Remarks(accepted.remarks);
        Ok(written)
    }

    /// Version 1 tells the id that version 2, which is asked to change it, knows the absence by.
    async fn update_absence_of_v1(&self, request: UpdateAbsence) -> Result<Written, WriteError> {
        let id = plain_id(&request.external_id, UPDATE.operation).map_err(WriteError::refused)?.to_owned();
        let problems = v2::absence_problems(&request.values);
        if !problems.is_empty() {
            return Err(WriteError::Invalid(problems));
        }
        let refuse = |kind, message: &str| WriteError::refused(Error::new(kind, UPDATE.operation, message));
        let read = self.read_one(ReadOne::new(Stream::Absences, id.clone(), request.class)).await;
        let record = read.map_err(WriteError::refused)?;
        let record = record.ok_or_else(|| refuse(ErrorKind::NotFound, UPDATE.not_found))?;
        let Some(other) = record.also.into_iter().find(|name| name.source == V2) else {
            let message = "Personio does not tell the id that version 2 of its API knows this absence by, and version 1 changes none; \
                           delete it and create another";
            return Err(refuse(ErrorKind::Unsupported, message));
        };
        let written = v2::update_absence(&self.v2, UpdateAbsence { external_id: other.id, ..request }).await?;
        Ok(Written { external_id: id, ..written })
    }

    async fn delete_absence_in_v1(&self, request: &DeletePeriod) -> Result<(), WriteError> {
        let id = plain_id(&request.external_id, DELETE.operation).map_err(WriteError::refused)?;
        let destination = Destination::one(Method::Delete, ONE_ABSENCE_TEMPLATE, id);
        self.delete(&DELETE, destination, request.class).await
    }
}

fn body(values: &Values) -> Result<Value, Vec<FieldProblem>> {
    let (mut body, mut problems) = period::members(values, RULES, FIELDS, |field| field.on_create);
    problems.extend(period::missing(values, REQUIRED));
    if let (Some(Value::String(starts)), Some(Value::String(ends))) = (body.get("start_date"), body.get("end_date"))
        && ends < starts
    {
        problems.push(FieldProblem::new(pointer("end_date"), "lies before the first day"));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    // The vendor wants both said.
    for half in ["half_day_start", "half_day_end"] {
        body.entry(half).or_insert(Value::Bool(false));
    }
    Ok(Value::Object(body))
}

/// The absence that an answer shows, if it can be read and has an id that can go into a path.
fn read(body: &bytes::Bytes) -> Option<SourceRecord> {
    let document = Document::read(body).ok()?;
    let items = document.items(most_items(1)).ok()?;
    let [item] = items.as_slice() else { return None };
    let record = read_or_set_aside(Stream::Absences, &document, item).ok()?;
    plain_id(&record.external.id, CREATE.operation).is_ok().then_some(record)
}
