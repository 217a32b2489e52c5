//! What Personio sends to a webhook: version 2's envelope, and the events of the third-party guide.
//!
//! developer.personio.de, v2.0/reference/webhooks, read 2026-11-23: `{company_id, event_name, occurred_at, payload, meta?}`, ids
//! and no data, no id of the event, no order, no signature; a static token comes verbatim in `Authorization`. Which members a payload
//! has was not to be had, and the guide names nine events without a body, so ids are looked for under every name that the
//! vendor's answers use. Nothing here is believed but that something may have changed.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use gangway_domain::record::{ExternalId, Stream};
use secrecy::{ExposeSecret, SecretString};
use serde_json::value::RawValue;
use subtle::{Choice, ConstantTimeEq};

use super::{
    Personio,
    envelope::Document,
    item::{V1, V2, external},
    json::{Member, Shape, first_elements, is_empty, member, members, shape, text},
    value,
};
use crate::contract::{Error, ErrorKind, Happened, Incoming, ManualStep, Notice, Notices, Paste, Result};

const OPERATION: &str = "read a notice";
/// Far more than ids need.
const LARGEST_BYTES: usize = 1024 * 1024;
/// Notices of one body; the vendor sends one.
const MOST_NOTICES: usize = 1_000;
/// Longest name of an event that is kept.
const LONGEST_NAME: usize = 100;

impl Notices for Personio {
    fn verify(&self, incoming: &Incoming<'_>, tokens: &[SecretString]) -> bool {
        let mut sent = incoming.headers.iter().filter(|(name, _)| name == "authorization").map(|(_, value)| value);
        // Two of them would be read differently by whoever stands in between.
        let (Some(sent), None) = (sent.next(), sent.next()) else { return false };
        // Systems that want a scheme put one before the token, which the vendor sends as it was given.
        let bare = sent.strip_prefix("Bearer ").unwrap_or(sent);
        let mut is_known = Choice::from(0);
        for token in tokens.iter().map(ExposeSecret::expose_secret).filter(|token| !token.is_empty()) {
            is_known |= token.as_bytes().ct_eq(sent.as_bytes()) | token.as_bytes().ct_eq(bare.as_bytes());
        }
        is_known.into()
    }

    fn parse(&self, body: &Bytes) -> Result<Vec<Notice>> {
        let refuse = |message| Err(Error::new(ErrorKind::Protocol, OPERATION, message));
        if body.len() > LARGEST_BYTES {
            return refuse("the body is larger than any notice of Personio's");
        }
        let Ok(document) = Document::read(body) else { return refuse("the body is no JSON object or list") };
        let Ok(root) = document.root() else { return refuse("the body is no JSON object or list") };
        if shape(root) == Shape::Object {
            return Ok(vec![read(root)]);
        }
        match first_elements(root, MOST_NOTICES) {
            Ok(elements) if !elements.is_cut => Ok(elements.taken.into_iter().map(read).collect()),
            _ => refuse("the body holds more notices than Personio ever sends at once"),
        }
    }

    fn manual(&self) -> &'static [ManualStep] {
        MANUAL
    }
}

const MANUAL: &[ManualStep] = &[
    ManualStep {
        text: "In Personio, open Settings > Integrations > Webhooks and add a webhook. Newer accounts have no such page: tick \
               \"Webhooks: Read\" and \"Webhooks: Write\" on the credential's page instead, and the webhook is registered for you.",
        paste: None,
    },
    ManualStep { text: "Paste this address as the URL.", paste: Some(Paste::Url) },
    ManualStep {
        text: "Paste this text as the token, or as the value of the header Authorization. Nothing is put before it.",
        paste: Some(Paste::Token),
    },
    ManualStep {
        text: "Choose all events of employees (or persons and employments), absences and attendances, and enable the webhook.",
        paste: None,
    },
];

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subject {
    Person,
    /// Of a person: what it changes is read with them.
    Employment,
    /// Of the stream, in the id space of a version.
    Period(Stream, &'static str),
    Document,
    Ping,
}

/// Where the vendor's answers and the guide have somebody's id.
const PERSON: &[&str] = &["person", "person_id", "employee", "employee_id"];
const ABSENCE: &[&str] = &["absence_period", "absence_period_id", "absence", "absence_id", "time_off", "time_off_id"];
const ATTENDANCE: &[&str] = &["attendance_period", "attendance_period_id", "attendance", "attendance_id"];
/// Names that say nothing of what is named.
const ANYTHING: &[&str] = &["id", "entity_id", "resource_id", "object_id"];

/// Reads one notice; what cannot be read stays open.
pub(super) fn read(raw: &RawValue) -> Notice {
    let Ok(outer) = members(raw) else { return Notice::unknown("") };
    let word = |names: &[&str]| names.iter().find_map(|name| words(member(&outer, name)?));
    let name = word(&["event_name", "event", "event_type", "type"]).unwrap_or_default();
    let mut notice = Notice::unknown(fitted(&name));
    let inner = ["payload", "data"].iter().find_map(|name| {
        let raw = member(&outer, name).filter(|raw| shape(raw) == Shape::Object)?;
        Some((raw, members(raw).ok()?))
    });
    notice.occurred_at = ["occurred_at", "timestamp", "created_at"].iter().find_map(|name| moment(&outer, name));
    notice.account = id_at(&outer, "company_id");
    notice.event_id = id_at(&outer, "event_id").or_else(|| {
        let meta = member(&outer, "meta").and_then(|meta| members(meta).ok())?;
        id_at(&meta, "event_id").or_else(|| id_at(&meta, "id"))
    });
    if notice.event_id.is_none() && inner.is_some() {
        // Beside a payload, an id is the event's own.
        notice.event_id = id_at(&outer, "id");
    }
    let Some((subject, happened)) = kind(&name) else { return notice };
    notice.happened = happened;
    // Without a payload the ids lie beside the name.
    let place = inner.as_ref().map_or(outer.as_slice(), |(_, inner)| inner.as_slice());
    let id_of = |names: &[&str]| names.iter().find_map(|name| id_at(place, name));
    let anything = || id_of(ANYTHING).or_else(|| ANYTHING.iter().skip(1).find_map(|name| id_at(&outer, name)));
    match subject {
        Subject::Person => {
            notice.stream = Some(Stream::Employees);
            // A whole employee in the vendor's dress has the id inside.
            let dressed = || inner.as_ref().and_then(|(raw, _)| value::id(raw).ok().flatten());
            notice.record = id_of(PERSON).or_else(anything).or_else(dressed).map(of_person);
        }
        Subject::Employment => {
            notice.stream = Some(Stream::Employees);
            notice.record = id_of(PERSON).map(of_person);
        }
        Subject::Period(stream, space) => {
            let names = if stream == Stream::Absences { ABSENCE } else { ATTENDANCE };
            notice.stream = Some(stream);
            notice.record = id_of(names).or_else(anything).map(|id| external(space, id));
            notice.employee = id_of(PERSON).map(of_person);
        }
        Subject::Document => notice.employee = id_of(PERSON).or_else(|| id_of(&["owner", "owner_id"])).map(of_person),
        Subject::Ping => {}
    }
    notice
}

/// A person has the same number in both versions, and employees are read through version 1.
fn of_person(id: String) -> ExternalId {
    external(V1, id)
}

/// What an event's name means, if anything. Names that come later than this are known by their beginning.
fn kind(name: &str) -> Option<(Subject, Happened)> {
    let name = name.trim().to_ascii_lowercase();
    let (noun, verb) = name.split_once('.').unwrap_or((name.as_str(), ""));
    let subject = match noun.replace('_', "-").as_str() {
        "person" | "employee" => Subject::Person,
        "employment" => Subject::Employment,
        // Ids of these are valid in version 2 only (changelog "Attendance and Absence Webhooks - GA", read 2026-11-23).
        "absence-period" => Subject::Period(Stream::Absences, V2),
        "attendance-period" => Subject::Period(Stream::Attendances, V2),
        "absence" | "time-off" => Subject::Period(Stream::Absences, V1),
        "attendance" => Subject::Period(Stream::Attendances, V1),
        "document" => Subject::Document,
        "ping" => return Some((Subject::Ping, Happened::Tried)),
        _ => return None,
    };
    let happened = match verb.split('.').next().unwrap_or_default() {
        // Somebody's employment comes and goes; the person changes with it.
        "created" | "deleted" | "started" | "terminated" if subject == Subject::Employment => Happened::Changed,
        "created" => Happened::Created,
        "updated" | "signed" => Happened::Changed,
        "deleted" => Happened::Deleted,
        _ => Happened::Unknown,
    };
    Some((subject, happened))
}

fn id_at(members: &[Member<'_>], name: &str) -> Option<String> {
    value::id(member(members, name)?).ok().flatten()
}

fn words(raw: &RawValue) -> Option<String> {
    Some(raw).filter(|raw| shape(raw) == Shape::Text && !is_empty(raw)).and_then(|raw| text(raw).ok())
}

fn moment(members: &[Member<'_>], name: &str) -> Option<DateTime<Utc>> {
    let text = words(member(members, name)?)?;
    DateTime::parse_from_rfc3339(text.trim()).ok().map(|at| at.with_timezone(&Utc))
}

fn fitted(name: &str) -> String {
    name.chars().filter(|letter| !letter.is_control()).take(LONGEST_NAME).collect()
}
