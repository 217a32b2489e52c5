//! Creating, changing and deleting attendances, through the version that their ids are of. In version 1 single ones cannot be
//! read, so the list of a person's day shows what became of them.

use std::collections::HashSet;

use async_trait::async_trait;
use chrono::NaiveDate;
use gangway_domain::{record::Stream, sync::Window};
use gangway_egress::{Class, Method, Response};
use serde_json::{Map, Value, json};

use super::{
    Destination,
    answer::{self, About},
    compare,
    period::{self, DECIDED, Rule, day, id, minutes, optional, rule, text, time},
    rows::{self, Rows},
    unseen,
    version::is_about_the_version,
};
use crate::{
    contract::{
        AttendanceTarget, CreateAttendances, DeletePeriod, Deletion, Error, ErrorKind, FieldProblem, Place, Remarks,
        SourceRecord, UpdateAttendance, Values, WritableField, WriteError, Written,
    },
    personio::{
        PersonioConnection,
        api::Version,
        envelope::Metadata,
        json::{Shape, shape},
        limits::most_items,
        paging::SMALLEST_CUT,
        source::{PERIODS_PAGE_SIZE, add_window, bare_list, explain, list_path, plain_id, read_or_set_aside},
        v2::write as v2,
    },
};

const ONE: &str = "/v1/company/attendances/{id}";
/// What one look afterwards can show.
const MOST_ROWS: usize = 200;
/// The vendor's limit of a call (developer.personio.de, read 2026-11-23).
const MOST_EMPLOYEES: usize = 100;

pub(in crate::personio) const NO_MOVE: &str = "an attendance stays its employee's; delete it and create another";

const CREATE: About = about("create attendances");
const UPDATE: About = about("change an attendance");
const DELETE: About = about("delete an attendance");

const fn about(operation: &'static str) -> About {
    About {
        operation,
        missing_right: "the credential lacks the right to write attendances; tick \"Attendances: Write\" on the credential's page in \
                        Personio's settings (Integrations > API credentials)",
        not_found: "Personio does not find the attendance, or no longer offers attendances in version 1 of its API, which it \
                    announced to end on 2026-08-30",
        pointer,
    }
}

const RULES: &[Rule] = &[
    rule("employee", "employee", id),
    rule("date", "date", day),
    rule("starts_at", "start_time", time),
    optional("ends_at", "end_time", time),
    rule("break_minutes", "break", minutes),
    optional("comment", "comment", text),
    optional("project", "project_id", id),
];
/// Without these no attendance is created.
pub(in crate::personio) const REQUIRED: &[&str] = &["employee", "date", "starts_at"];

const FIELDS: &[WritableField] = &[
    WritableField::fixed("employee", NO_MOVE),
    WritableField::open("date"),
    WritableField::open("starts_at"),
    WritableField::open("ends_at"),
    WritableField::open("break_minutes"),
    WritableField::open("comment"),
    WritableField::open("project"),
    WritableField::closed("status", DECIDED),
    WritableField::closed("is_holiday", DECIDED),
    WritableField::closed("is_time_off", DECIDED),
    WritableField::closed("updated_at", DECIDED),
];

/// The vendor names a value `date`, or `attendances.3.date` in a list.
fn pointer(name: &str) -> String {
    let mut parts = name.strip_prefix("attendances.").into_iter().flat_map(|rest| rest.splitn(2, '.'));
    match (parts.next().and_then(|row| row.parse::<usize>().ok()), parts.next()) {
        (Some(row), Some(name)) => format!("/rows/{row}{}", period::pointer(RULES, name)),
        (Some(row), None) => format!("/rows/{row}"),
        (None, _) => period::pointer(RULES, name),
    }
}

#[async_trait]
impl AttendanceTarget for PersonioConnection {
    fn attendance_fields(&self, api_version: Option<&str>) -> &'static [WritableField] {
        if self.writes(Stream::Attendances, api_version) == Version::V2 { v2::ATTENDANCE_FIELDS } else { FIELDS }
    }

    async fn create_attendances(
        &self,
        request: CreateAttendances,
    ) -> Result<Vec<Result<Written, WriteError>>, WriteError> {
        let version = self.writes(Stream::Attendances, request.api_version.as_deref());
        let ended = self.create_attendances_through(version, request.clone()).await;
        let CreateAttendances { api_version, class, .. } = &request;
        let may_turn = match &ended {
            // Each version has a kind of breaks that is wrong in the other.
            Err(WriteError::Invalid(_)) => !is_wrong(version.other(), &request.rows),
            ended => may_be_not_served(version, ended),
        };
        if may_turn && self.turns(Stream::Attendances, api_version.as_deref(), *class).await {
            return self.create_attendances_through(version.other(), request).await;
        }
        ended
    }

    async fn update_attendance(&self, request: UpdateAttendance) -> Result<Written, WriteError> {
        match self.version_of(Stream::Attendances, &request.external_id) {
            Version::V1 => self.update_attendance_in_v1(request).await,
            Version::V2 => v2::update_attendance(&self.v2, request).await,
        }
    }

    async fn delete_attendance(&self, request: DeletePeriod) -> Result<Deletion, WriteError> {
        match self.version_of(Stream::Attendances, &request.external_id) {
            Version::V1 => self.delete_attendance_in_v1(request).await,
            Version::V2 => v2::delete_attendance(&self.v2, request).await,
        }
    }
}

impl PersonioConnection {
    async fn create_attendances_through(
        &self,
        version: Version,
        request: CreateAttendances,
    ) -> Result<Vec<Result<Written, WriteError>>, WriteError> {
        match version {
            Version::V1 => self.create_attendances_in_v1(request).await,
            Version::V2 => v2::create_attendances(&self.v2, request).await,
        }
    }

    async fn create_attendances_in_v1(
        &self,
        request: CreateAttendances,
    ) -> Result<Vec<Result<Written, WriteError>>, WriteError> {
        let CreateAttendances { rows, approval, api_version: _, class } = request;
        let sent = bodies(&rows).map_err(WriteError::Invalid)?;
        let body = json!({ "attendances": sent, "skip_approval": period::skips(approval) });
        let list = list_path(Stream::Attendances);
        let destination = Destination::list(Method::Post, list);
        let response = self.send_write(&CREATE, destination, Some(&body), class).await?;
        let outcome = match Rows::read(&response, &sent)? {
            Some(rows) => rows,
            None => Rows::all(
                answer::judge(&CREATE, &response).map_err(|error| whole(error, &response, &rows))?,
                rows.len(),
            )?,
        };
        let shown = match places(&sent) {
            Some((employees, window)) => self.shown(employees, window, class).await,
            None => Shown::default(),
        };
        Ok(rows::settle(outcome, &rows, &shown))
    }

    async fn update_attendance_in_v1(&self, request: UpdateAttendance) -> Result<Written, WriteError> {
        let UpdateAttendance { external_id, values, place, approval, class } = request;
        let id = plain_id(&external_id, UPDATE.operation).map_err(WriteError::refused)?.to_owned();
        let (mut body, problems) = period::members(&values, RULES, FIELDS, |field| field.on_update);
        if !problems.is_empty() {
            return Err(WriteError::Invalid(problems));
        }
        if body.is_empty() {
            return Err(WriteError::Invalid(vec![FieldProblem::new("", "names nothing to change")]));
        }
        let moved_to = body.get("date").and_then(Value::as_str).and_then(|day| day.parse::<NaiveDate>().ok());
        body.insert("skip_approval".to_owned(), period::skips(approval).into());
        let destination = Destination::one(Method::Patch, ONE, &id);
        let accepted = match self.write(&UPDATE, destination, Some(&Value::Object(body)), class).await {
            Ok(accepted) => accepted,
            Err(error) => return Err(self.or_ended(error, class).await),
        };
        let shown = match place.filter(|place| is_number(&place.employee)) {
            Some(Place { employee, day }) => {
                let day = moved_to.unwrap_or(day);
                self.shown(HashSet::from([employee]), Window { from: day, to: day }, class).await
            }
            None => Shown::default(),
        };
        let mut written = Written::accepted(id.clone());
        written.outcomes = shown.find(&id).map_or_else(|| unseen(&values), |record| compare::outcomes(&values, record));
        written.remarks = Remarks(accepted.remarks);
        Ok(written)
    }

    async fn delete_attendance_in_v1(&self, request: DeletePeriod) -> Result<Deletion, WriteError> {
        let DeletePeriod { external_id, place, approval, class } = request;
        let id = plain_id(&external_id, DELETE.operation).map_err(WriteError::refused)?.to_owned();
        let place = place.filter(|place| is_number(&place.employee));
        let look = async |place: &Place| {
            let Place { employee, day } = place.clone();
            self.shown(HashSet::from([employee]), Window { from: day, to: day }, class).await
        };
        // Only what was there before can be seen to be gone.
        let was_there = match &place {
            Some(place) => look(place).await.find(&id).is_some(),
            None => false,
        };
        let query = Some(("skip_approval", period::skips(approval).to_string()));
        let destination = Destination { query, ..Destination::one(Method::Delete, ONE, &id) };
        if let Err(error) = self.delete(&DELETE, destination, class).await {
            return Err(self.or_ended(error, class).await);
        }
        let Some(place) = place.filter(|_| was_there) else { return Ok(Deletion::Unseen) };
        let shown = look(&place).await;
        Ok(match shown.find(&id) {
            Some(_) => Deletion::StillThere,
            None if shown.is_whole => Deletion::Gone,
            None => Deletion::Unseen,
        })
    }
}

/// Whether a version takes the rows for wrong, so that nothing is to be asked.
fn is_wrong(version: Version, rows: &[Values]) -> bool {
    match version {
        Version::V1 => bodies(rows).is_err(),
        Version::V2 => !v2::attendance_problems(rows).is_empty(),
    }
}

fn is_number(text: &str) -> bool {
    (1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether nothing was kept, for reasons that may be the version's: its rows may end one by one as "not found".
fn may_be_not_served(version: Version, ended: &Result<Vec<Result<Written, WriteError>>, WriteError>) -> bool {
    match ended {
        Ok(rows) => rows.iter().all(|row| row.as_ref().is_err_and(|error| is_about_the_version(version, error))),
        Err(error) => is_about_the_version(version, error),
    }
}

/// What a refusal of the whole call means for its rows: of several some may have been kept, unless the answer names the values that
/// are wrong.
fn whole(error: WriteError, response: &Response, rows: &[Values]) -> WriteError {
    match error {
        WriteError::Refused { error, .. }
            if rows.len() > 1
                && error.kind == ErrorKind::ConfigInvalid
                && matches!(response.status, 200..=299 | 400 | 409) =>
        {
            let message = "Personio refuses the attendances and does not say which, so all must be looked for";
            WriteError::Unknown(Error::new(ErrorKind::Protocol, CREATE.operation, message))
        }
        WriteError::Refused { error, remarks } if error.kind == ErrorKind::NotFound => {
            let message = "Personio no longer offers attendances in version 1 of its API, which it announced to end on 2026-08-30";
            WriteError::Refused { error: Error::new(ErrorKind::Unsupported, CREATE.operation, message), remarks }
        }
        other => other,
    }
}

/// What the list of some days shows.
#[derive(Default)]
pub(super) struct Shown {
    pub(super) records: Vec<SourceRecord>,
    /// Whether what is not among them is not there.
    pub(super) is_whole: bool,
}

impl Shown {
    pub(super) fn find(&self, id: &str) -> Option<&SourceRecord> {
        let is_it = |record: &&SourceRecord| record.external.id == id || record.also.iter().any(|other| other.id == id);
        self.records.iter().find(is_it)
    }
}

impl PersonioConnection {
    /// "Not found" is the word about an attendance only while there are attendances at all.
    async fn or_ended(&self, error: WriteError, class: Class) -> WriteError {
        let WriteError::Refused { error, remarks } = error else { return error };
        if error.kind != ErrorKind::NotFound {
            return WriteError::Refused { error, remarks };
        }
        match self.client.json(DELETE.operation, self.short_list(Stream::Attendances, class)).await {
            Err(failure) if matches!(failure.status, Some(404 | 405 | 410)) => {
                WriteError::Refused { error: explain(Stream::Attendances, failure), remarks }
            }
            Ok(_) | Err(_) => WriteError::Refused { error, remarks },
        }
    }

    /// The attendances of these people on those days, as far as one page shows them.
    async fn shown(&self, employees: HashSet<String>, window: Window, class: Class) -> Shown {
        let mut list = bare_list(Stream::Attendances, PERIODS_PAGE_SIZE, 0, class);
        add_window(&mut list, window);
        let mut asked: Vec<&String> = employees.iter().collect();
        asked.sort_unstable();
        list.query.extend(asked.into_iter().map(|id| ("employees[]".to_owned(), id.clone())));
        let Ok(document) = self.client.json("look at attendances", list).await else { return Shown::default() };
        let Ok(items) = document.items(most_items(PERIODS_PAGE_SIZE)) else { return Shown::default() };
        let n_items = u64::try_from(items.len()).unwrap_or(u64::MAX);
        let is_list = document.success == Some(true) && document.data().is_ok_and(|data| shape(data) == Shape::Array);
        let read: Vec<_> = items.iter().map(|item| read_or_set_aside(Stream::Attendances, &document, item)).collect();
        let Metadata { total, total_pages, .. } = document.metadata;
        let ends_here =
            total.map_or(items.len() < SMALLEST_CUT, |total| total <= n_items) && total_pages.is_none_or(|n| n <= 1);
        let all_read = read.iter().all(Result::is_ok);
        let records: Vec<SourceRecord> = read.into_iter().flatten().collect();
        // A list that shows others, or one twice, is not the one that was asked for.
        let ids: HashSet<&str> = records.iter().map(|record| record.external.id.as_str()).collect();
        let are_asked_for = records.iter().all(|record| {
            let day = record.fields.get("date").and_then(Value::as_str).and_then(|day| day.parse().ok());
            record.employee.as_ref().is_some_and(|employee| employees.contains(&employee.id))
                && day.is_some_and(|day: NaiveDate| (window.from..=window.to).contains(&day))
        });
        let is_whole = is_list && ends_here && all_read && are_asked_for && ids.len() == records.len();
        Shown { records, is_whole }
    }
}

fn bodies(rows: &[Values]) -> Result<Vec<Map<String, Value>>, Vec<FieldProblem>> {
    let mut problems = Vec::new();
    if !(1..=MOST_ROWS).contains(&rows.len()) {
        problems.push(FieldProblem::new("/rows", format!("must be 1 to {MOST_ROWS} attendances")));
        return Err(problems);
    }
    let mut bodies = Vec::with_capacity(rows.len());
    for (place, values) in rows.iter().enumerate() {
        let (mut body, mut wrong) = period::members(values, RULES, FIELDS, |field| field.on_create);
        wrong.extend(period::missing(values, REQUIRED));
        let within =
            |problem: FieldProblem| FieldProblem::new(format!("/rows/{place}{}", problem.pointer), problem.message);
        problems.extend(wrong.into_iter().map(within));
        // The vendor wants it said.
        body.entry("break").or_insert(Value::from(0));
        bodies.push(body);
    }
    let employees: HashSet<u64> =
        bodies.iter().filter_map(|body| body.get("employee").and_then(Value::as_u64)).collect();
    if employees.len() > MOST_EMPLOYEES {
        let message = format!("must be of at most {MOST_EMPLOYEES} employees; send the others in another call");
        problems.push(FieldProblem::new("/rows", message));
    }
    if problems.is_empty() { Ok(bodies) } else { Err(problems) }
}

/// Whose days a look must show.
fn places(sent: &[Map<String, Value>]) -> Option<(HashSet<String>, Window)> {
    let days = || sent.iter().filter_map(|row| row.get("date").and_then(Value::as_str)?.parse::<NaiveDate>().ok());
    let employees = sent.iter().filter_map(|row| row.get("employee").map(Value::to_string)).collect();
    Some((employees, Window { from: days().min()?, to: days().max()? }))
}
