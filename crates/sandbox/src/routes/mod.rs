//! The vendor's endpoints: which request goes where, and what every answer goes through on its way.

mod attendances;
mod employees;
mod login;
mod picture;
mod time_offs;
mod writes;

use chrono::{DateTime, Utc};

use crate::answer::Answer;
use crate::config::Dialect;
use crate::faults;
use crate::ledger::Entry;
use crate::limiter::Path;
use crate::quirks::{Quirks, TokenMode};
use crate::request::Request;
use crate::state::{Shared, State};
use crate::v2;

/// An endpoint with the ids of its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    Login,
    Employees,
    Employee(u64),
    Attributes,
    TimeOffs,
    TimeOff(u64),
    TimeOffTypes,
    Attendances,
    Attendance(u64),
    Balance(u64),
    Picture { id: u64, width: Option<u32> },
}

impl Route {
    /// Finds the endpoint of a path; the guide names fewer than the vendor.
    pub(crate) fn parse(path: &str, dialect: Dialect) -> Option<Self> {
        let segments: Vec<&str> = path.trim_end_matches('/').split('/').skip(1).collect();
        let route = match segments.as_slice() {
            ["v1", "auth"] => Self::Login,
            ["v1", "company", rest @ ..] => match rest {
                ["employees"] => Self::Employees,
                ["employees", "attributes" | "custom-attributes"] => Self::Attributes,
                ["employees", id] => Self::Employee(id.parse().ok()?),
                ["employees", id, "absences", "balance"] => Self::Balance(id.parse().ok()?),
                ["employees", id, "profile-picture"] => Self::Picture { id: id.parse().ok()?, width: None },
                ["employees", id, "profile-picture", width] => {
                    Self::Picture { id: id.parse().ok()?, width: Some(width.parse().ok()?) }
                }
                ["time-offs"] => Self::TimeOffs,
                ["time-offs", id] => Self::TimeOff(id.parse().ok()?),
                ["time-off-types"] => Self::TimeOffTypes,
                ["attendances"] => Self::Attendances,
                ["attendances", id] => Self::Attendance(id.parse().ok()?),
                _ => return None,
            },
            _ => return None,
        };
        let in_guide = match route {
            Self::Login | Self::Employees | Self::Employee(_) | Self::TimeOffs | Self::Attendances => true,
            Self::Picture { width, .. } => width.is_some(),
            Self::Attributes | Self::TimeOff(_) | Self::TimeOffTypes | Self::Attendance(_) | Self::Balance(_) => false,
        };
        (dialect == Dialect::Vendor || in_guide).then_some(route)
    }

    /// The path with ids replaced.
    pub(crate) const fn template(self) -> &'static str {
        match self {
            Self::Login => "/v1/auth",
            Self::Employees => "/v1/company/employees",
            Self::Employee(_) => "/v1/company/employees/{id}",
            Self::Attributes => "/v1/company/employees/attributes",
            Self::TimeOffs => "/v1/company/time-offs",
            Self::TimeOff(_) => "/v1/company/time-offs/{id}",
            Self::TimeOffTypes => "/v1/company/time-off-types",
            Self::Attendances => "/v1/company/attendances",
            Self::Attendance(_) => "/v1/company/attendances/{id}",
            Self::Balance(_) => "/v1/company/employees/{id}/absences/balance",
            Self::Picture { width: None, .. } => "/v1/company/employees/{id}/profile-picture",
            Self::Picture { width: Some(_), .. } => "/v1/company/employees/{id}/profile-picture/{width}",
        }
    }

    /// One of each.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 12] = [
        Self::Login,
        Self::Employees,
        Self::Employee(1),
        Self::Attributes,
        Self::TimeOffs,
        Self::TimeOff(1),
        Self::TimeOffTypes,
        Self::Attendances,
        Self::Attendance(1),
        Self::Balance(1),
        Self::Picture { id: 1, width: None },
        Self::Picture { id: 1, width: Some(1) },
    ];

    pub(crate) fn takes(self, method: &str, dialect: Dialect) -> bool {
        let methods: &[&str] = match self {
            Self::Login => &["POST"],
            Self::Employees => &["GET", "POST"],
            Self::Employee(_) => &["GET", "PATCH"],
            // The guide writes employees only.
            Self::TimeOffs | Self::Attendances if dialect == Dialect::Vendor => &["GET", "POST"],
            Self::TimeOff(_) => &["GET", "DELETE"],
            Self::Attendance(_) => &["PATCH", "DELETE"],
            _ => &["GET"],
        };
        methods.contains(&method)
    }

    /// Whether answers carry the token in their `authorization` header. personio-py 0.3.0 (read 2026-11-28) does without it where
    /// attendances are written and for pictures, and demands it with their list.
    fn echoes_token(self, method: &str) -> bool {
        match self {
            Self::Attendances => method == "GET",
            Self::Attendance(_) | Self::Picture { .. } => false,
            _ => true,
        }
    }
}

/// Answers a request of the vendor's API and writes it into the ledger.
pub(crate) fn answer(shared: &Shared, request: &Request) -> Answer {
    let now = shared.now();
    let mut state = shared.lock();
    let route = Route::parse(&request.path, state.dialect);
    let mut credential = None;
    let issued = state.tokens.issued();
    let answer = reply(&mut state, request, route, now, &mut credential);
    state.tell_changes(now);
    shared.ring(&state);
    let is_v2 = v2::owns(&request.path);
    let may_have_written = (is_v2 || route.is_some_and(|route| route != Route::Login)) && request.method != "GET";
    if (state.tokens.issued() != issued || may_have_written)
        && let Err(error) = shared.save(&mut state)
    {
        tracing::warn!(%error, "what the sandbox has given out or taken in was not written: a restart will not know it");
    }
    let number = |name| request.parameter(name).and_then(|text| text.parse().ok());
    state.ledger.record(Entry {
        at: now,
        method: request.method.clone(),
        route: template(route, &request.path),
        status: answer.status,
        credential,
        limit: number("limit"),
        offset: number("offset"),
    });
    answer
}

/// The path of a request with its ids replaced.
fn template(route: Option<Route>, path: &str) -> &'static str {
    route.map(Route::template).or_else(|| v2::template(path)).unwrap_or("(unknown)")
}

fn reply(
    state: &mut State,
    request: &Request,
    route: Option<Route>,
    now: DateTime<Utc>,
    credential: &mut Option<usize>,
) -> Answer {
    let hits = state.faults.hits(request);
    let request = faults::prepare(state, request, &hits, now);
    if let Some(answer) = faults::answer(&hits, &request, state.dialect, now) {
        return answer;
    }
    let mut answer = vendors(state, &request, route, now, credential);
    #[cfg(test)]
    crate::facts::expect(state.dialect, &request, template(route, &request.path), &answer);
    faults::rework(state, &hits, *credential, &mut answer);
    answer
}

/// The answer of a vendor that works.
fn vendors(
    state: &mut State,
    request: &Request,
    route: Option<Route>,
    now: DateTime<Utc>,
    credential: &mut Option<usize>,
) -> Answer {
    // The guide knows no other version than the first.
    if v2::owns(&request.path) && state.dialect == Dialect::Vendor {
        return v2::answer(state, request, now, credential);
    }
    let verdict = state.limiter.address(request.peer, now);
    if !verdict.is_allowed {
        return Answer { headers: verdict.headers, ..Answer::too_many() };
    }
    // The vendor has not said how the endpoints end: they answer like any that never was.
    let Quirks { v1_gone, v1_login_gone, v1_attendances_gone, .. } = state.quirks;
    let is_gone = (v1_gone && request.path.starts_with("/v1/company/"))
        || (v1_login_gone && route == Some(Route::Login))
        || (v1_attendances_gone && request.path.starts_with("/v1/company/attendances"));
    let Some(route) = route.filter(|_| !is_gone) else { return unknown(state) };
    if !route.takes(&request.method, state.dialect) {
        return Answer::error(405, 405, "Method Not Allowed");
    }
    if route == Route::Login {
        return login::answer(state, request, now);
    }
    let holder = match state.tokens.holder(request.bearer(), state.quirks.token_reach, now) {
        Ok(holder) => holder,
        Err(refused) => return refused.answer(state.dialect),
    };
    *credential = Some(holder);
    let path = if route == Route::Employees && request.method == "GET" { Path::EmployeeList } else { Path::Other };
    let verdict = state.limiter.request(holder, path, now);
    if !verdict.is_allowed {
        return Answer { headers: verdict.headers, ..Answer::too_many() };
    }
    let mut answer = resource(state, request, route, holder, now);
    answer.headers.extend(verdict.headers);
    echo_token(state, request, route, now, &mut answer);
    if state.quirks.errors_with_200 && answer.is_error() {
        answer.status = 200;
    }
    answer
}

fn resource(state: &mut State, request: &Request, route: Route, holder: usize, now: DateTime<Utc>) -> Answer {
    match route {
        Route::Employees if request.method == "POST" => writes::create(state, request, now),
        Route::Employee(id) if request.method == "PATCH" => writes::change(state, request, id, now),
        Route::TimeOffs if request.method == "POST" => writes::time_offs::create(state, request, holder, now),
        Route::TimeOff(id) if request.method == "DELETE" => writes::time_offs::delete(state, id),
        Route::Attendances if request.method == "POST" => writes::attendances::create(state, request, now),
        Route::Attendance(id) if request.method == "DELETE" => writes::attendances::delete(state, id),
        Route::Attendance(id) => writes::attendances::change(state, request, id, now),
        Route::Employees => employees::list(state, request, holder),
        Route::Employee(id) => employees::get(state, holder, id),
        Route::Attributes => employees::attributes(state, holder),
        Route::Balance(id) => employees::balance(state, id),
        Route::TimeOffs => time_offs::list(state, request, holder),
        Route::TimeOff(id) => time_offs::get(state, holder, id),
        Route::TimeOffTypes => time_offs::types(state, request),
        Route::Attendances => attendances::list(state, request),
        Route::Picture { id, width } => picture::get(state, holder, id, width),
        Route::Login => unknown(state),
    }
}

fn unknown(state: &State) -> Answer {
    match state.dialect {
        Dialect::Vendor => Answer::not_found(state.quirks.error_language),
        Dialect::Guide => Answer::error(404, 404, "Not Found"),
    }
}

fn echo_token(state: &mut State, request: &Request, route: Route, now: DateTime<Utc>, answer: &mut Answer) {
    let Some(used) = request.bearer() else { return };
    if state.dialect != Dialect::Vendor || !route.echoes_token(&request.method) {
        return;
    }
    let next = match state.quirks.token_mode {
        TokenMode::Stable if answer.is_error() => None,
        TokenMode::Stable => Some(used.to_owned()),
        TokenMode::Rotating => state.tokens.rotate(used, now),
    };
    answer.headers.extend(next.map(|token| ("authorization", format!("Bearer {token}"))));
}

/// Reads `limit` and `offset`: what is absent, unreadable or too large becomes the default or the maximum.
fn paging(request: &Request, default: usize, max: usize) -> (usize, usize) {
    let number = |name| request.parameter(name).and_then(|text| text.parse::<usize>().ok());
    let limit = number("limit").filter(|limit| *limit > 0).unwrap_or(default).min(max);
    (limit, number("offset").unwrap_or(0))
}

#[cfg(test)]
mod tests;
