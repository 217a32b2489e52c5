//! Absences in days, and their types. Here the vendor's `offset` is a page number that starts at 1, and 0 is 1 too.

use std::collections::HashSet;

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::config::Dialect;
use crate::pages;
use crate::people::Absence;
use crate::request::Request;
use crate::shapes::{guide, put_list, time, vendor};
use crate::state::State;

pub(super) fn list(state: &State, request: &Request, holder: usize) -> Answer {
    let filter = match Filter::read(request, state.dialect) {
        Ok(filter) => filter,
        Err(answer) => return answer,
    };
    let matching: Vec<&Absence> = state.world.absences.values().filter(|absence| filter.takes(absence)).collect();
    let (limit, offset) = super::paging(request, 200, 200);
    let scene = state.scene(Some(holder));
    match state.dialect {
        Dialect::Vendor => {
            let current_page = offset.max(1);
            let skip = (current_page - 1).saturating_mul(limit);
            let mut body = br#"{"success":true,"#.to_vec();
            if state.quirks.metadata {
                body.extend_from_slice(pages::metadata(matching.len(), current_page, limit).as_bytes());
            }
            body.extend_from_slice(br#""data":"#);
            let page = matching.iter().skip(skip).take(limit);
            put_list(&mut body, page.map(|absence| vendor::absence(&scene, absence)));
            body.extend_from_slice(&echoed(request, offset, limit));
            Answer::bytes(200, "application/json", body)
        }
        Dialect::Guide => {
            let mut body = Vec::new();
            let page = matching.iter().skip(offset).take(limit);
            put_list(&mut body, page.map(|absence| guide::absence(&scene, absence)));
            Answer::bytes(200, "application/json", body)
        }
    }
}

/// The end of a list body: what was asked for comes back as text, the defaults as numbers.
pub(super) fn echoed(request: &Request, offset: usize, limit: usize) -> Vec<u8> {
    let echo = |name: &str, number: usize| {
        request.parameter(name).map_or_else(|| json!(number), |_| json!(number.to_string()))
    };
    format!(r#","offset":{},"limit":{}}}"#, echo("offset", offset), echo("limit", limit)).into_bytes()
}

pub(super) fn get(state: &State, holder: usize, id: u64) -> Answer {
    let Some(absence) = state.world.absences.get(&id) else {
        return Answer::error(404, 404, "The absence period was not found.");
    };
    let mut body = br#"{"success":true,"data":"#.to_vec();
    body.extend_from_slice(&vendor::absence(&state.scene(Some(holder)), absence));
    body.push(b'}');
    Answer::bytes(200, "application/json", body)
}

pub(super) fn types(state: &State, request: &Request) -> Answer {
    let (limit, offset) = super::paging(request, 200, 200);
    let types = state.world.types.iter().skip(offset).take(limit);
    let data: Value = types.map(|kind| vendor::time_off_type(&state.world, kind)).collect();
    Answer::json(200, &json!({"success": true, "data": data}))
}

/// The range and the people a list of absences or attendances is narrowed to.
pub(super) struct Filter {
    pub(super) start: Option<NaiveDate>,
    pub(super) end: Option<NaiveDate>,
    updated_from: Option<DateTime<Utc>>,
    updated_to: Option<DateTime<Utc>>,
    employees: Option<HashSet<u64>>,
}

impl Filter {
    /// Absences need a range in the guide only.
    fn read(request: &Request, dialect: Dialect) -> Result<Self, Answer> {
        let filter = Self::optional(request)?;
        if dialect == Dialect::Guide { filter.with_range() } else { Ok(filter) }
    }

    pub(super) fn optional(request: &Request) -> Result<Self, Answer> {
        let day = |name: &str| match request.parameter(name) {
            None => Ok(None),
            Some(text) => time::parse_moment(text)
                .map(|at| Some(at.date_naive()))
                .ok_or_else(|| Answer::invalid(name, "The value is not a valid date.")),
        };
        let moment = |name: &str| match request.parameter(name) {
            None => Ok(None),
            Some(text) => time::parse_moment(text)
                .map(Some)
                .ok_or_else(|| Answer::invalid(name, "The value is not a valid date.")),
        };
        if request.parameter("employees").is_some() {
            return Err(Answer::invalid("employees", "The employees must be an array."));
        }
        let employees = request.list("employees");
        let employees = if employees.is_empty() {
            None
        } else {
            let ids: Result<HashSet<u64>, _> = employees.iter().map(|text| text.parse()).collect();
            Some(ids.map_err(|_| Answer::invalid("employees", "The employees must be integers."))?)
        };
        Ok(Self {
            start: day("start_date")?,
            end: day("end_date")?,
            updated_from: moment("updated_from")?,
            // A day without a time means the whole day.
            updated_to: moment("updated_to")?.map(|at| {
                let is_day = request.parameter("updated_to").is_some_and(|text| time::parse_date(text).is_some());
                if is_day { at + chrono::TimeDelta::days(1) - chrono::TimeDelta::milliseconds(1) } else { at }
            }),
            employees,
        })
    }

    /// Refuses a list that does not say from when to when.
    pub(super) fn with_range(self) -> Result<Self, Answer> {
        if self.start.is_none() {
            return Err(Answer::invalid("start_date", "The start date field is required."));
        }
        if self.end.is_none() {
            return Err(Answer::invalid("end_date", "The end date field is required."));
        }
        Ok(self)
    }

    fn takes(&self, absence: &Absence) -> bool {
        self.start.is_none_or(|start| absence.end_date >= start)
            && self.end.is_none_or(|end| absence.start_date <= end)
            && self.takes_change(absence.employee_id, absence.updated_at)
    }

    pub(super) fn takes_change(&self, employee: u64, updated_at: DateTime<Utc>) -> bool {
        self.employees.as_ref().is_none_or(|ids| ids.contains(&employee))
            && self.updated_from.is_none_or(|from| updated_at >= from)
            && self.updated_to.is_none_or(|to| updated_at <= to)
    }
}
