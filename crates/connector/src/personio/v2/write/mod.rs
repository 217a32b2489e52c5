//! Writing through version 2: what is sent, what an answer means, and the look afterwards.
//!
//! An employee is a person and an employment there, which are changed by a call each, and units are called by their ids. So a name
//! becomes an id before anything is sent, and a change of both objects may end half way, which is said
//! ([`Partly`](crate::contract::WriteError::Partly)). Shapes are those of the vendor's reference (developer.personio.de,
//! v2.0/reference, read 2026-11-23).

mod absence;
mod absence_change;
mod answer;
mod attendance;
mod employee;
mod fields;
mod units;

use gangway_domain::record::Stream;
use serde_json::Value;

use super::{
    client::Client,
    scopes::{Access, Area},
};
use crate::personio::api::is_uuid;

pub(in crate::personio) use absence::{
    FIELDS as ABSENCE_FIELDS, NO_MOVE, NO_TURN, create as create_absence, delete as delete_absence,
};
pub(in crate::personio) use absence_change::{problems as absence_problems, update as update_absence};
pub(in crate::personio) use attendance::{
    FIELDS as ATTENDANCE_FIELDS, create as create_attendances, delete as delete_attendance,
    problems as attendance_problems, update as update_attendance,
};
pub(in crate::personio) use employee::{
    create as create_employee, delete as delete_employee, update as update_employee,
};
pub(in crate::personio) use fields::{WRITABLE as EMPLOYEE_FIELDS, problems as employee_problems};
pub(in crate::personio) use units::name_of as name_of_unit;

/// The right that writing a stream takes, where the token at hand is known to be without it.
pub(in crate::personio) fn missing_right(client: &Client, stream: Stream) -> Option<&'static str> {
    let (area, right) = match stream {
        Stream::Employees => (Area::Persons, "personio:persons:write"),
        Stream::Absences => (Area::Absences, "personio:absences:write"),
        Stream::Attendances => (Area::Attendances, "personio:attendances:write"),
    };
    client.is_known_to_lack(area, Access::Write).then_some(right)
}

/// `{"id": "7"}` as the vendor gives ids: a number in a text, or a UUID.
fn id(value: &Value) -> Result<Value, &'static str> {
    let is_number = |id: &str| (1..=20).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit());
    let id = value.get("id").and_then(Value::as_str).filter(|id| is_number(id) || is_uuid(id));
    id.map(Value::from).ok_or("must be an object with an `id` of Personio's, a number in a text or a UUID")
}
