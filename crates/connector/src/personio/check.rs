//! Does the credential work, and what may it read, and through which version of the API? A few small requests, answered in the
//! words of Personio's screens.

use std::collections::{BTreeSet, HashSet};

use chrono::Days;
use gangway_domain::{record::Stream, sync::Window};

use super::{
    PersonioConnection,
    api::Version,
    client::{Client, Failure},
    item::Item,
    limits::most_items,
    source::{add_window, bare_list, explain, operation},
    v2::{self, Scopes},
};
use crate::contract::{CheckReport, CheckRequest, Error, ErrorKind, Finding, FindingLevel, Result, Retry, StreamCheck};

/// Attributes without which the main job limps, and what for they are needed.
const WANTED: &[(&str, &str)] = &[
    ("first_name", "to name people"),
    ("last_name", "to name people"),
    ("email", "to find a person before creating one, and to match accounts"),
    ("status", "to tell who works here from who has left"),
    ("hire_date", "to know when somebody joins"),
    ("termination_date", "to know when somebody leaves"),
    ("last_modified_at", "to ask Personio for changes only"),
];

pub(super) const WHERE: &str = "In Personio, open Settings > Integrations > API credentials (newer accounts: Marketplace > Create custom \
                     integration) and edit this credential";

/// Checks a connection.
pub(super) async fn check(connection: &PersonioConnection, request: &CheckRequest) -> Result<CheckReport> {
    let mut findings = Vec::new();
    let mut asked = Vec::with_capacity(Stream::ALL.len());

    for stream in Stream::ALL {
        match connection.probe(stream, request).await {
            Ok((found, probed)) => {
                findings.extend(found);
                asked.push(Ok((stream, probed)));
            }
            Err(failure) => match judge(stream, failure) {
                Judgement::CredentialRefused(error) => return Ok(refused(&error)),
                Judgement::StreamUnreadable(error) => {
                    findings.push(unreadable(stream, &error));
                    asked.push(Err(StreamCheck::unreadable(stream, error.message)));
                }
                Judgement::TryLater(error) => return Err(error),
            },
        }
    }
    // Once all were asked it is known which versions take the credential.
    let mut streams = Vec::with_capacity(asked.len());
    for probe in asked {
        match probe {
            Ok((stream, probed)) => {
                let email = connection.routed_email(stream, &probed, request.class).await;
                findings.extend(connection.told_of_writing(stream, probed.version, email.as_ref()));
                streams.push(connection.capabilities(stream, &probed, email.as_ref()).await);
            }
            Err(unreadable) => streams.push(unreadable),
        }
    }
    let ok = streams.iter().any(|check| check.stream == Stream::Employees && check.readable);
    let mut granted = BTreeSet::new();
    for version in [Version::V1, Version::V2] {
        granted.extend(connection.scopes(version).await.iter().flat_map(Scopes::names));
    }
    let report = CheckReport::new(ok, findings, streams).with_granted(granted.into_iter().collect());
    Ok(report.with_webhooks(connection.webhook_access().await))
}

enum Judgement {
    CredentialRefused(Error),
    StreamUnreadable(Error),
    /// It tells about this moment, not about the stream.
    TryLater(Error),
}

fn judge(stream: Stream, failure: Failure) -> Judgement {
    // The token has just read employees: here its rejection means a missing right, whatever status the endpoint chose.
    if stream != Stream::Employees && matches!(failure.status, Some(401 | 403)) {
        let error = Error::new(ErrorKind::Forbidden, operation(stream), "the credential lacks the right to read them");
        return Judgement::StreamUnreadable(error.with_source(failure.error));
    }
    let error = explain(stream, failure);
    match (error.kind, error.retry) {
        // Employees were read with it: only the other version does not take it.
        (ErrorKind::Unauthenticated, _) if stream != Stream::Employees => Judgement::StreamUnreadable(error),
        (ErrorKind::Unauthenticated, _) => Judgement::CredentialRefused(error),
        (ErrorKind::Forbidden | ErrorKind::Unsupported | ErrorKind::NotFound, _)
        | (ErrorKind::Protocol, Retry::Never) => Judgement::StreamUnreadable(error),
        _ => Judgement::TryLater(error),
    }
}

/// Asks for one record of a stream, through version 1.
pub(super) async fn probe(
    client: &Client,
    stream: Stream,
    request: &CheckRequest,
) -> Result<(Vec<Finding>, Option<HashSet<String>>), Failure> {
    let mut list = bare_list(stream, 1, 0, request.class);
    if stream != Stream::Employees {
        let today = client.now().date_naive();
        let from = today.checked_sub_days(Days::new(30)).unwrap_or(today);
        add_window(&mut list, Window { from, to: today });
    }
    let unreadable =
        |message| Failure { error: Error::new(ErrorKind::Protocol, operation(stream), message), status: None };
    let document = client.json(operation(stream), list).await?;
    let items = document.items(most_items(1)).map_err(|unlisted| unreadable(format!("the answer {unlisted}")))?;
    if stream != Stream::Employees {
        return Ok((Vec::new(), None));
    }
    let Some(first) = items.first() else { return Ok((vec![nobody()], None)) };
    let item = Item::open(first).map_err(|bad| unreadable(bad.reason))?;
    let keys: HashSet<String> = item.members.iter().map(|entry| entry.key.clone().into_owned()).collect();
    Ok((missing(&keys), Some(keys)))
}

/// The same for employees, through version 2.
pub(super) async fn probe_v2(
    client: &v2::Client,
    request: &CheckRequest,
) -> Result<(Vec<Finding>, Option<HashSet<String>>), Failure> {
    let one = v2::employee::Sample { persons: 1, pages: 1, employments: 1 };
    let sample = v2::employee::sample(client, one, request.class).await?;
    let Some(first) = sample.first() else { return Ok((vec![nobody()], None)) };
    let keys: HashSet<String> = first.attributes.iter().map(|attribute| attribute.key.clone()).collect();
    Ok((missing(&keys), Some(keys)))
}

fn nobody() -> Finding {
    Finding::new(FindingLevel::Info, "no_employees", "Personio shows no employees to this credential")
}

/// The attributes that the main job needs and that are not there.
fn missing(keys: &HashSet<String>) -> Vec<Finding> {
    WANTED
        .iter()
        .filter(|(key, _)| !keys.contains(*key))
        .map(|(key, what_for)| {
            Finding::new(
                FindingLevel::Warning,
                "attribute_not_readable",
                format!("The attribute {key} is not readable; it is needed {what_for}"),
            )
            .with_action(format!("{WHERE}; tick {key} under \"Readable employee attributes\""))
        })
        .collect()
}

/// The report on a credential that is not accepted: nothing else was asked.
fn refused(error: &Error) -> CheckReport {
    let finding = Finding::new(FindingLevel::Error, "credential_not_accepted", error.message.clone())
        .with_action(format!("{WHERE}, or generate a new one, and enter its client ID and secret here"));
    let streams = Stream::ALL.map(|stream| StreamCheck::unreadable(stream, "the credential is not accepted")).to_vec();
    CheckReport::new(false, vec![finding], streams)
}

fn unreadable(stream: Stream, error: &Error) -> Finding {
    let level = if stream == Stream::Employees { FindingLevel::Error } else { FindingLevel::Warning };
    let (code, action) = match error.kind {
        ErrorKind::Forbidden => ("stream_not_permitted", Some(permission(stream))),
        ErrorKind::Unsupported => ("stream_not_offered", None),
        _ => ("stream_not_readable", None),
    };
    let finding = Finding::new(level, code, format!("{} cannot be read: {}", capital(stream), error.message));
    match action {
        Some(action) => finding.with_action(action),
        None => finding,
    }
}

pub(super) const fn capital(stream: Stream) -> &'static str {
    match stream {
        Stream::Employees => "Employees",
        Stream::Absences => "Absences",
        Stream::Attendances => "Attendances",
    }
}

fn permission(stream: Stream) -> String {
    format!("{WHERE}; tick Read for {}", capital(stream))
}
