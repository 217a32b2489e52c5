//! Creating, changing and deleting attendance periods: each of work or of a break, and each by a call of its own, so rows end one by
//! one. What became of them is seen in the list of their days, or by their ids.

use std::collections::{BTreeSet, HashMap};

use chrono::{Days, NaiveDate};
use gangway_domain::sync::Window;
use gangway_egress::{Class, Method, Request};
use serde_json::{Map, Value, json, value::RawValue};

use super::{
    super::{
        attendance,
        call::{About, id_in},
        client::Client,
        scopes::Area,
        value,
    },
    answer::send,
    id,
};
use crate::{
    contract::{
        CreateAttendances, DeletePeriod, Deletion, Error, ErrorKind, FieldProblem, Outcome, SourceRecord,
        UpdateAttendance, Values, WritableField, WriteError, Written,
    },
    personio::{
        json::{member, members},
        source::plain_id,
        write::{
            attendance::{NO_MOVE, REQUIRED},
            compare,
            period::{self, DECIDED, Rule, day, optional, rule, skips, text, time},
            unseen,
        },
    },
};

const PATH: &str = "/v2/attendance-periods";
const ONE: &str = "/v2/attendance-periods/{id}";
/// As many as version 1 takes at once.
const MOST_ROWS: usize = 200;

const NO_TURN: &str = "work stays work and a break a break; delete it and create another";
const OWN_PERIODS: &str =
    "breaks are periods of their own in version 2 of Personio's API: write one of the `kind` `break`";

const CREATE: About = about("create attendances");
const UPDATE: About = about("change an attendance");
const DELETE: About = about("delete an attendance");

const fn about(operation: &'static str) -> About {
    About {
        operation,
        missing_right: "the credential lacks the right to write attendances in version 2 of Personio's API (personio:attendances:write); \
                        tick \"Attendances: Write\" on the credential's page in Personio's settings (Integrations > API credentials)",
        not_found: "Personio does not find what was named: the attendance, its employee or its project",
    }
}

const RULES: &[Rule] = &[
    rule("employee", "employee", id),
    rule("kind", "kind", kind),
    rule("date", "date", day),
    rule("starts_at", "starts_at", time),
    optional("ends_at", "ends_at", time),
    optional("comment", "comment", text),
    optional("project", "project", id),
];

/// Every canonical field.
pub(in crate::personio) const FIELDS: &[WritableField] = &[
    WritableField::fixed("employee", NO_MOVE),
    WritableField::fixed("kind", NO_TURN),
    WritableField::open("date"),
    WritableField::open("starts_at"),
    WritableField::open("ends_at"),
    WritableField::open("comment"),
    WritableField::open("project"),
    WritableField::closed("break_minutes", OWN_PERIODS),
    WritableField::closed("status", DECIDED),
    WritableField::closed("is_holiday", DECIDED),
    WritableField::closed("is_time_off", DECIDED),
    WritableField::closed("updated_at", DECIDED),
];

fn kind(value: &Value) -> Result<Value, &'static str> {
    match value.as_str() {
        Some("work") => Ok("WORK".into()),
        Some("break") => Ok("BREAK".into()),
        _ => Err("must be work or break"),
    }
}

/// Creates periods, one call for each. After a failure that the others would share they are not sent.
pub(in crate::personio) async fn create(
    client: &Client,
    request: CreateAttendances,
) -> Result<Vec<Result<Written, WriteError>>, WriteError> {
    let CreateAttendances { rows, approval, api_version: _, class } = request;
    let bodies = bodies(&rows).map_err(WriteError::Invalid)?;
    let mut ended = Vec::with_capacity(rows.len());
    let mut shared: Option<(ErrorKind, String)> = None;
    for body in &bodies {
        if let Some((kind, why)) = &shared {
            let message = format!("it was not sent, since one before it failed: {why}");
            ended.push(Err(WriteError::refused(Error::new(*kind, CREATE.operation, message))));
            continue;
        }
        let mut post = Request::new(Method::Post, PATH, PATH, class);
        post.query.push(("skip_approval".to_owned(), skips(approval).to_string()));
        let sent = send(client, &CREATE, Area::Attendances, post, Some(body)).await;
        let end = sent.and_then(|response| id_in(&response).ok_or_else(nameless));
        match end {
            Err(WriteError::Refused { error, remarks }) if is_shared(error.kind) => {
                if ended.is_empty() {
                    return Err(WriteError::Refused { error, remarks });
                }
                shared = Some((error.kind, error.message.clone()));
                ended.push(Err(WriteError::Refused { error, remarks }));
            }
            Err(WriteError::Unknown(error)) => {
                if bodies.len() == 1 {
                    return Err(WriteError::Unknown(error));
                }
                shared = Some((error.kind, error.message.clone()));
                ended.push(Err(WriteError::Unknown(error)));
            }
            end => ended.push(end),
        }
    }
    let shown = shown(client, &ended, &rows, class).await;
    Ok(settle(ended, &rows, &shown))
}

fn nameless() -> WriteError {
    let message = "Personio accepted the attendance and names no id, so it must be looked for";
    WriteError::Unknown(Error::new(ErrorKind::Protocol, CREATE.operation, message))
}

/// Whether every other row would end so.
const fn is_shared(kind: ErrorKind) -> bool {
    !matches!(kind, ErrorKind::ConfigInvalid | ErrorKind::NotFound | ErrorKind::Protocol)
}

/// The bodies of all rows; or everything that is wrong with them.
/// What is wrong with new attendances.
pub(in crate::personio) fn problems(rows: &[Values]) -> Vec<FieldProblem> {
    bodies(rows).err().unwrap_or_default()
}

fn bodies(rows: &[Values]) -> Result<Vec<Value>, Vec<FieldProblem>> {
    if !(1..=MOST_ROWS).contains(&rows.len()) {
        return Err(vec![FieldProblem::new("/rows", format!("must be 1 to {MOST_ROWS} attendances"))]);
    }
    let mut problems = Vec::new();
    let mut bodies = Vec::with_capacity(rows.len());
    for (place, values) in rows.iter().enumerate() {
        let (given, mut wrong) = period::members(values, RULES, FIELDS, |field| field.on_create);
        wrong.extend(period::missing(values, REQUIRED));
        if given.get("kind").is_some_and(|kind| kind == "BREAK") && given.get("project").is_some_and(|it| !it.is_null())
        {
            wrong.push(FieldProblem::new("/fields/project", "is none of a break's"));
        }
        let within =
            |problem: FieldProblem| FieldProblem::new(format!("/rows/{place}{}", problem.pointer), problem.message);
        problems.extend(wrong.into_iter().map(within));
        bodies.push(body(&given));
    }
    if problems.is_empty() { Ok(bodies) } else { Err(problems) }
}

fn body(given: &Map<String, Value>) -> Value {
    let text = |field: &str| given.get(field).and_then(Value::as_str);
    let mut body = Map::new();
    body.insert("person".to_owned(), json!({"id": text("employee")}));
    body.insert("type".to_owned(), text("kind").unwrap_or("WORK").into());
    if let (Some(day), Some(start)) = (text("date").and_then(|day| day.parse().ok()), text("starts_at")) {
        let times = Times { day, start, end: text("ends_at") };
        body.insert("start".to_owned(), times.start());
        body.extend(times.end().map(|end| ("end".to_owned(), end)));
    }
    body.extend(beside(given));
    Value::Object(body)
}

/// Comment and project, where they are given.
fn beside(given: &Map<String, Value>) -> impl Iterator<Item = (String, Value)> {
    let comment = given.get("comment").cloned().map(|comment| ("comment".to_owned(), comment));
    let project = given.get("project").map(|project| {
        let project = if project.is_null() { Value::Null } else { json!({ "id": project }) };
        ("project".to_owned(), project)
    });
    comment.into_iter().chain(project)
}

/// The times of a period that begins on a day. What ends before it begins ends on the day after.
struct Times<'a> {
    day: NaiveDate,
    start: &'a str,
    end: Option<&'a str>,
}

impl Times<'_> {
    fn start(&self) -> Value {
        json!({"date_time": format!("{}T{}:00", self.day, self.start)})
    }

    fn end(&self) -> Option<Value> {
        let end = self.end?;
        let day = if end < self.start { self.day.checked_add_days(Days::new(1))? } else { self.day };
        Some(json!({"date_time": format!("{day}T{end}:00")}))
    }
}

/// The periods of the days that were written to, by their ids.
async fn shown(
    client: &Client,
    ended: &[Result<String, WriteError>],
    rows: &[Values],
    class: Class,
) -> HashMap<String, SourceRecord> {
    let accepted = ended.iter().zip(rows).filter(|(end, _)| end.is_ok()).map(|(_, values)| values);
    let mut people = BTreeSet::new();
    let mut days = BTreeSet::new();
    for values in accepted {
        people.extend(values.fields.get("employee").and_then(|it| it.get("id")?.as_str()).map(str::to_owned));
        let day = values.fields.get("date").and_then(Value::as_str);
        days.extend(day.and_then(|day| day.parse::<NaiveDate>().ok()));
    }
    let (Some(from), Some(to)) = (days.first().copied(), days.last().copied()) else { return HashMap::new() };
    // Times may be attributed to the day before.
    let read = attendance::of_people(client, &people, Window { from, to }, class).await;
    read.into_iter().map(|record| (record.external.id.clone(), record)).collect()
}

fn settle(
    ended: Vec<Result<String, WriteError>>,
    rows: &[Values],
    shown: &HashMap<String, SourceRecord>,
) -> Vec<Result<Written, WriteError>> {
    let mut n_rows: HashMap<String, usize> = HashMap::new();
    for id in ended.iter().flatten() {
        *n_rows.entry(id.clone()).or_default() += 1;
    }
    let one = |(end, values): (Result<String, WriteError>, &Values)| {
        let id = end?;
        let is_alone = n_rows.get(&id) == Some(&1);
        let mut written = Written::accepted(id.clone());
        written.outcomes = shown.get(&id).map_or_else(|| unseen(values), |record| compare::outcomes(values, record));
        if !is_alone || written.outcomes.get("employee") == Some(&Outcome::Ignored) {
            let message = "Personio names an id that is not this attendance's, so it must be looked for";
            return Err(WriteError::Unknown(Error::new(ErrorKind::Protocol, CREATE.operation, message)));
        }
        Ok(written)
    };
    ended.into_iter().zip(rows).map(one).collect()
}

/// Changes a period.
pub(in crate::personio) async fn update(client: &Client, request: UpdateAttendance) -> Result<Written, WriteError> {
    let UpdateAttendance { external_id, values, place: _, approval, class } = request;
    let id = plain_id(&external_id, UPDATE.operation).map_err(WriteError::refused)?.to_owned();
    let (given, problems) = period::members(&values, RULES, FIELDS, |field| field.on_update);
    if !problems.is_empty() {
        return Err(WriteError::Invalid(problems));
    }
    if given.is_empty() {
        return Err(WriteError::Invalid(vec![FieldProblem::new("", "names nothing to change")]));
    }
    let mut body: Map<String, Value> = beside(&given).collect();
    if ["date", "starts_at", "ends_at"].iter().any(|field| given.contains_key(*field)) {
        move_times(client, &id, &given, class, &mut body).await?;
    }
    let mut patch = Request::new(Method::Patch, ONE, ONE.replace("{id}", &id), class);
    patch.query.push(("skip_approval".to_owned(), skips(approval).to_string()));
    send(client, &UPDATE, Area::Attendances, patch, Some(&Value::Object(body))).await?;
    let mut written = Written::accepted(id.clone());
    written.outcomes = match attendance::read_one(client, &id, class).await {
        Ok(Some(record)) => compare::outcomes(&values, &record),
        Ok(None) | Err(_) => unseen(&values),
    };
    Ok(written)
}

/// Puts the times into a change: a moment has a day and a time, of which one may be given and the other is the present one.
async fn move_times(
    client: &Client,
    id: &str,
    given: &Map<String, Value>,
    class: Class,
    body: &mut Map<String, Value>,
) -> Result<(), WriteError> {
    let text = |field: &str| given.get(field).and_then(Value::as_str);
    let is_whole = ["date", "starts_at", "ends_at"].iter().all(|field| given.contains_key(*field));
    let present = if is_whole { Present::default() } else { Present::read(client, id, class).await? };
    let day = text("date").and_then(|day| day.parse().ok()).or(present.day);
    let start = text("starts_at").map(str::to_owned).or(present.start);
    let end = if given.contains_key("ends_at") { text("ends_at").map(str::to_owned) } else { present.end };
    let (Some(day), Some(start)) = (day, start) else {
        let message = "when the attendance begins cannot be read; write `date` and `starts_at` together, and `ends_at`";
        return Err(WriteError::refused(Error::new(ErrorKind::Protocol, UPDATE.operation, message)));
    };
    let times = Times { day, start: &start, end: end.as_deref() };
    if given.contains_key("date") || given.contains_key("starts_at") {
        body.insert("start".to_owned(), times.start());
    }
    let ends_anew = given.contains_key("ends_at") || (given.contains_key("date") && times.end.is_some());
    if ends_anew {
        body.insert("end".to_owned(), times.end().unwrap_or_default());
    }
    Ok(())
}

/// When a period begins and ends now.
#[derive(Default)]
struct Present {
    day: Option<NaiveDate>,
    start: Option<String>,
    end: Option<String>,
}

impl Present {
    async fn read(client: &Client, id: &str, class: Class) -> Result<Self, WriteError> {
        let read = attendance::read_one(client, id, class).await;
        let record = read.map_err(|failure| WriteError::refused(failure.into()))?;
        let record = record
            .ok_or_else(|| WriteError::refused(Error::new(ErrorKind::NotFound, UPDATE.operation, UPDATE.not_found)))?;
        let text = |field: &str| record.fields.get(field).and_then(Value::as_str).map(str::to_owned);
        // The day that it begins on; that which it is counted for may be another.
        let begins = || -> Option<NaiveDate> {
            let raw: &RawValue = serde_json::from_slice(&record.raw).ok()?;
            value::day(member(&members(raw).ok()?, "start")?).ok()?.as_str()?.parse().ok()
        };
        Ok(Self { day: begins(), start: text("starts_at"), end: text("ends_at") })
    }
}

/// Deletes a period.
pub(in crate::personio) async fn delete(client: &Client, request: DeletePeriod) -> Result<Deletion, WriteError> {
    // Version 2 lets nobody choose whether a deletion waits.
    let DeletePeriod { external_id, place: _, approval: _, class } = request;
    let id = plain_id(&external_id, DELETE.operation).map_err(WriteError::refused)?;
    // Only what was there before can be seen to be gone.
    let was_there = matches!(attendance::read_one(client, id, class).await, Ok(Some(_)));
    let delete = Request::new(Method::Delete, ONE, ONE.replace("{id}", id), class);
    send(client, &DELETE, Area::Attendances, delete, None).await?;
    Ok(match attendance::read_one(client, id, class).await {
        Ok(Some(_)) => Deletion::StillThere,
        Ok(None) if was_there => Deletion::Gone,
        Ok(None) | Err(_) => Deletion::Unseen,
    })
}
