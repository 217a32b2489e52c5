//! Version 2 of the vendor's API, served from the same company as version 1: what is written through one is seen by the other.
//!
//! It has tokens, limits and errors of its own. Where the vendor publishes nothing, the behaviour is a plain one and its place
//! says so.

mod absence_types;
mod absences;
mod attendances;
mod documents;
mod employments;
mod extras;
mod filter;
mod limits;
mod list;
mod persons;
mod problem;
mod route;
mod scopes;
mod token;
mod units;
mod webhooks;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::answer::Answer;
use crate::request::Request;
use crate::state::State;

use route::Route;

pub use absences::AbsencePeriod;
pub(crate) use absences::{absence_of, plain as absence_periods};
pub use attendances::AttendancePeriod;
pub(crate) use attendances::{attendance_of, period_ids, plain as attendance_periods};
pub(crate) use extras::Extras;
pub(crate) use limits::Buckets;
pub use limits::{Bucket, V2Limits};
pub(crate) use problem::Problem;
pub(crate) use scopes::Scopes;
pub(crate) use token::invalid_client;
pub(crate) use webhooks::shape as webhook_shape;

/// The answer of an endpoint.
type Outcome = Result<Answer, Problem>;

/// A request that was let in.
struct Call<'a> {
    request: &'a Request,
    now: DateTime<Utc>,
    holder: usize,
    /// How the caller spelled this host, without a slash at the end.
    origin: String,
}

/// A member of a body: null is not the same as absent.
enum Sent<T> {
    Absent,
    Null,
    Value(T),
}

/// Whether a path belongs to this version.
pub(crate) fn owns(path: &str) -> bool {
    path.starts_with("/v2/")
}

/// The path with ids replaced, for the ledger.
pub(crate) fn template(path: &str) -> Option<&'static str> {
    Route::parse(path).map(Route::template)
}

/// Whether there is such a path that takes a method.
pub(crate) fn takes(method: &str, path: &str) -> bool {
    Route::parse(path).is_some_and(|route| route.takes(method))
}

/// The paths that take a method.
#[cfg(test)]
pub(crate) fn taking(method: &str) -> impl Iterator<Item = &'static str> {
    Route::taking(method)
}

/// Answers a request of version 2.
pub(crate) fn answer(
    state: &mut State,
    request: &Request,
    now: DateTime<Utc>,
    credential: &mut Option<usize>,
) -> Answer {
    let is_there = !state.quirks.v2_unavailable;
    let Some(route) = Route::parse(&request.path).filter(|_| is_there) else { return Problem::NotFound.answer(now) };
    if !route.takes(&request.method) {
        return Problem::MethodNotAllowed.answer(now);
    }
    match route {
        Route::Token => return token::grant(state, request, now),
        Route::Revoke => return token::revoke(state, request),
        _ => {}
    }
    let Ok((holder, scopes)) = state.tokens.v2_holder(request.bearer(), state.quirks.token_reach, now) else {
        return Problem::Unauthorized.answer(now);
    };
    *credential = Some(holder);
    let verdict = state.buckets.request(holder, route.template(), now);
    let held = state.credentials.get(holder).map_or(Scopes::NONE, |credential| credential.scopes);
    let outcome = if verdict.is_allowed {
        permitted(state, request, route, scopes.map_or(held, |scopes| scopes.within(held))).and_then(|()| {
            let host = request.headers.host.as_ref();
            let origin = host.map_or_else(|| state.base_url.clone(), |host| format!("http://{host}"));
            resource(state, &Call { request, now, holder, origin }, route)
        })
    } else {
        Err(Problem::TooMany)
    };
    let mut answer = outcome.unwrap_or_else(|problem| problem.answer(now));
    answer.headers.extend(verdict.headers);
    answer
}

/// Whether the token holds the right, and the beta was asked for.
fn permitted(state: &State, request: &Request, route: Route<'_>, held: Scopes) -> Result<(), Problem> {
    let reads = request.method == "GET";
    let needed = Scopes::named(&format!("personio:{}:{}", route.area(), if reads { "read" } else { "write" }));
    if !needed.is_some_and(|needed| held.contains(needed)) || (state.quirks.forbid_writes && !reads) {
        return Err(if route.is_about_persons() { Problem::Unauthorized } else { Problem::Forbidden });
    }
    let asks_for_beta = request.headers.beta.as_deref().is_some_and(|text| text.eq_ignore_ascii_case("true"));
    if route.is_beta() && !asks_for_beta { Err(Problem::NotFound) } else { Ok(()) }
}

fn resource(state: &mut State, call: &Call<'_>, route: Route<'_>) -> Outcome {
    match (route, call.request.method.as_str()) {
        (Route::Persons, "POST") => persons::create(state, call),
        (Route::Persons, _) => persons::list(state, call),
        (Route::Person(id), "PATCH") => persons::change(state, call, id),
        (Route::Person(id), "DELETE") => persons::remove(state, call, id),
        (Route::Person(id), _) => persons::get(state, call, id),
        (Route::Employments(person), _) => employments::list(state, call, person),
        (Route::Employment { person, id }, "PATCH") => employments::change(state, call, person, id),
        (Route::Employment { person, id }, _) => employments::get(state, call, person, id),
        (Route::OrgUnits, _) => units::org_units(state, call),
        (Route::OrgUnit(id), _) => units::org_unit(state, call, id),
        (Route::LegalEntities, _) => units::list(call, &state.world.organisation.subcompanies),
        (Route::LegalEntity(id), _) => units::get(&state.world.organisation.subcompanies, id),
        (Route::CostCenters, _) => units::list(call, &state.world.organisation.cost_centers),
        (Route::Workplaces, _) => units::list(call, &state.world.organisation.offices),
        (Route::AbsenceTypes, _) => absence_types::list(state, call),
        (Route::AbsenceType(id), _) => absence_types::get(state, id),
        (Route::AbsencePeriods, "POST") => absences::create(state, call),
        (Route::AbsencePeriods, _) => absences::list(state, call),
        (Route::AbsencePeriod(id), "PATCH") => absences::change(state, call, id),
        (Route::AbsencePeriod(id), "DELETE") => absences::remove(state, id),
        (Route::AbsencePeriod(id), _) => absences::get(state, id),
        (Route::Breakdowns(id), _) => absences::breakdowns(state, call, id),
        (Route::AttendancePeriods, "POST") => attendances::create(state, call),
        (Route::AttendancePeriods, _) => attendances::list(state, call),
        (Route::AttendancePeriod(id), "PATCH") => attendances::change(state, call, id),
        (Route::AttendancePeriod(id), "DELETE") => attendances::remove(state, call, id),
        (Route::AttendancePeriod(id), _) => attendances::get(state, id),
        (Route::Documents, _) => documents::list(state, call),
        (Route::Webhooks, "POST") => webhooks::create(state, call),
        (Route::Webhooks, _) => webhooks::list(state, call),
        (Route::Webhook(id), "PATCH") => webhooks::change(state, call, id),
        (Route::Webhook(id), "DELETE") => webhooks::remove(state, id),
        (Route::Webhook(id), _) => webhooks::get(state, id),
        (Route::WebhookActivity(id), _) => webhooks::activity(state, call, id),
        (Route::WebhookEvents(id), _) => webhooks::events(state, call, id),
        (Route::Redelivery(id), _) => webhooks::redeliver(state, call, id),
        (Route::Ping(id), _) => webhooks::ping(state, call, id),
        (Route::TestEvent(id), _) => webhooks::test_event(state, call, id),
        (Route::Token | Route::Revoke, _) => Err(Problem::NotFound),
    }
}

impl Call<'_> {
    /// The body, which must be an object.
    fn object(&self) -> Result<Map<String, Value>, Problem> {
        serde_json::from_slice(&self.request.body).map_err(|_| Problem::content())
    }

    /// Whether what is written counts at once, without anybody's approval. Unlike in version 1, it does not by default.
    fn skips_approval(&self) -> bool {
        self.request.parameter("skip_approval") == Some("true")
    }
}

impl<T> Sent<T> {
    fn read(
        body: &Map<String, Value>,
        name: &str,
        read: impl FnOnce(&Value) -> Result<T, Problem>,
    ) -> Result<Self, Problem> {
        match body.get(name) {
            None => Ok(Self::Absent),
            Some(Value::Null) => Ok(Self::Null),
            Some(given) => read(given).map(Self::Value),
        }
    }

    fn value(self) -> Option<T> {
        self.or(None)
    }

    /// What holds after a change of `present`.
    fn or(self, present: Option<T>) -> Option<T> {
        match self {
            Self::Absent => present,
            Self::Null => None,
            Self::Value(value) => Some(value),
        }
    }
}

/// The answer to a change.
fn no_content() -> Answer {
    Answer::bytes(204, "application/json", "")
}

#[cfg(test)]
mod testing;
#[cfg(test)]
pub(crate) use testing::V2 as V2Bench;
#[cfg(test)]
mod tests;
