//! What this credential may read and write, stream by stream and field by field: by what was just read, by the rights that the
//! vendor named with the token, and by what each version of its API has calls for.

use std::collections::HashSet;

use gangway_domain::record::{ABSENCE_FIELDS, ATTENDANCE_FIELDS, Stream};
use gangway_egress::Class;

use super::{
    PersonioConnection, absence,
    api::Version,
    attendance, check,
    employee::RULES,
    v2::{self, Access as Right, Area, Scopes},
};
use crate::contract::{
    Access, Connection as _, ErrorKind, FieldAccess, StreamCheck, Target, WritableField, WriteAccess,
};

const ONLY_V2: &str = "only version 2 of Personio's API changes an email address";
const NOT_TOLD: &str = "Personio names no rights with its token, so it shows when something is written";

/// What a probe of a stream brought.
pub(super) struct Probed {
    /// Through which version.
    pub(super) version: Version,
    /// The keys of the attributes of one employee; none where nobody is shown, and of other streams.
    pub(super) keys: Option<HashSet<String>>,
}

impl PersonioConnection {
    /// The report on a stream that can be read. `email` is what holds for a change of an email address that another version makes.
    pub(super) async fn capabilities(&self, stream: Stream, probed: &Probed, email: Option<&Access>) -> StreamCheck {
        let version = Some(probed.version.code());
        let scopes = self.scopes(probed.version).await;
        let write = write_right(stream, scopes.as_ref());
        let (writable, is_open): (&[WritableField], bool) = match stream {
            Stream::Employees => {
                (self.target().map_or(&[], |target| target.employee_fields(version)), self.target().is_some())
            }
            Stream::Absences => (
                self.absence_target().map_or(&[], |target| target.absence_fields(version)),
                self.absence_target().is_some(),
            ),
            Stream::Attendances => (
                self.attendance_target().map_or(&[], |target| target.attendance_fields(version)),
                self.attendance_target().is_some(),
            ),
        };
        let closed =
            format!("{} cannot be written through {} of Personio's API", check::capital(stream), probed.version.name());
        let write = if is_open { write } else { Access::no(closed) };
        // Where no field can be changed, each says the same.
        let fixed = || writable.iter().find(|known| known.on_create).map(|known| known.reason);
        let change = if writable.iter().any(|known| known.on_update) { None } else { fixed() };
        let delete = self.target().filter(|_| stream == Stream::Employees).and_then(Target::keeps_employees);
        let all = WriteAccess::new(write.clone(), write.if_possible(change), write.if_possible(delete));
        let names: Vec<&'static str> = match stream {
            Stream::Employees => RULES.iter().map(|rule| rule.field).collect(),
            Stream::Absences => ABSENCE_FIELDS.to_vec(),
            Stream::Attendances => ATTENDANCE_FIELDS.to_vec(),
        };
        let foreign = format!("{} of Personio's API takes no such value", probed.version.name());
        let fields = names.into_iter().map(|field| {
            let known = writable.iter().find(|known| known.field == field);
            let refused = |is_open_for_it: bool| match known {
                Some(known) if !is_open_for_it => Some(known.reason),
                None if is_open => Some(foreign.as_str()),
                _ => None,
            };
            let created = all.create.if_possible(refused(known.is_none_or(|known| known.on_create)));
            let changed = match email {
                Some(email) if field == "email" => email.clone(),
                _ => all.change.if_possible(refused(known.is_none_or(|known| known.on_update))),
            };
            field_access(stream, field, probed, created, changed)
        });
        StreamCheck::readable(stream)
            .with_api_version(probed.version.code())
            .with_write(all.clone())
            .with_fields(fields.collect())
    }

    /// Whether an email address can be changed where employees are written through version 1, which changes none, and version 2 may be
    /// asked to.
    pub(super) async fn routed_email(&self, stream: Stream, probed: &Probed, class: Class) -> Option<Access> {
        if stream != Stream::Employees || probed.version != Version::V1 || !self.may_route() {
            return None;
        }
        let tick = format!("{}; tick Write for Employees", check::WHERE);
        Some(match self.v2.log_in(class).await {
            Ok(()) => match self.scopes(Version::V2).await {
                None => Access::unknown(NOT_TOLD).with_permission(tick),
                Some(scopes) if scopes.may(Area::Persons, Right::Write) => Access::yes(),
                Some(_) => Access::no(format!("{ONLY_V2}, where the credential lacks personio:persons:write"))
                    .with_permission(tick),
            },
            Err(error) if error.kind == ErrorKind::Unsupported => {
                Access::no(format!("{ONLY_V2}, which is not there at this address"))
            }
            Err(error) if error.kind == ErrorKind::Unauthenticated => {
                Access::no(format!("{ONLY_V2}, which does not accept this credential"))
                    .with_permission(format!("{tick}, or generate a credential that is for version 2"))
            }
            Err(_) => Access::unknown(format!("{ONLY_V2}, which could not be asked just now")).with_permission(tick),
        })
    }

    /// The rights that the vendor named with the token of a version; none where it named none.
    pub(super) async fn scopes(&self, version: Version) -> Option<Scopes> {
        let token = match version {
            Version::V1 => self.client.stored_token().await,
            Version::V2 => self.v2.stored_token().await,
        };
        Scopes::read(&token?.scope?)
    }

    /// Whether Personio can be told to send webhooks.
    pub(super) async fn webhook_access(&self) -> Option<Access> {
        self.webhooks()?;
        let tick = format!("{}; tick Read and Write for Webhooks", check::WHERE);
        Some(match self.scopes(Version::V2).await {
            None => Access::unknown(NOT_TOLD).with_permission(tick),
            Some(scopes) if scopes.may(Area::Webhooks, Right::Read) && scopes.may(Area::Webhooks, Right::Write) => {
                Access::yes()
            }
            Some(_) => Access::no("the credential lacks the right").with_permission(tick),
        })
    }
}

/// What holds for one field that is readable with its stream.
fn field_access(stream: Stream, field: &'static str, probed: &Probed, create: Access, change: Access) -> FieldAccess {
    let rule = RULES.iter().find(|rule| rule.field == field).filter(|_| stream == Stream::Employees);
    let Some(rule) = rule else {
        let is_told = match (stream, probed.version) {
            (Stream::Absences, Version::V1) => absence::tells(field),
            (Stream::Absences, Version::V2) => v2::absence::tells(field),
            (_, Version::V1) => attendance::tells(field),
            (_, Version::V2) => v2::attendance::tells(field),
        };
        let read = if is_told {
            Access::yes()
        } else {
            Access::no(format!("{} of Personio's API does not tell it", probed.version.name()))
        };
        return FieldAccess::new(field, read, create, change);
    };
    let key = rule.keys.first().copied().unwrap_or(field);
    let tick = format!("{}; tick {key} under \"Readable employee attributes\"", check::WHERE);
    let read = match &probed.keys {
        None => Access::unknown("Personio shows no employees to this credential").with_permission(tick),
        Some(keys) if rule.keys.iter().any(|key| keys.contains(*key)) => Access::yes(),
        Some(_) => Access::no(format!("the attribute {key} comes on no employee")).with_permission(tick),
    };
    FieldAccess::new(field, read, create, change).with_attribute(key)
}

fn write_right(stream: Stream, scopes: Option<&Scopes>) -> Access {
    let area = match stream {
        Stream::Employees => Area::Persons,
        Stream::Absences => Area::Absences,
        Stream::Attendances => Area::Attendances,
    };
    let tick = format!("{}; tick Write for {}", check::WHERE, check::capital(stream));
    match scopes {
        None => Access::unknown(NOT_TOLD).with_permission(tick),
        Some(scopes) if scopes.may(area, Right::Write) => Access::yes(),
        Some(_) => Access::no("the credential lacks the right").with_permission(tick),
    }
}
