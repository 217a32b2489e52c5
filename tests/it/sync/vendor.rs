//! A vendor account in memory, with its connector: pages by offset, changes since a moment, bad records, and failures on
//! demand.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt::Write as _,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use gangway_connector::{
    AttributeSpan, AttributeValue, BadRecord, CheckReport, CheckRequest, Checkpoint, Connection, Connector,
    DiscoverRequest, Discovery, Error, ErrorKind, Manifest, ManifestLimits, Page, Picture, ReadMode, ReadOne, ReadPage,
    ReadPicture, Registry, Result, Runtime, Source, SourceRecord, StreamManifest, WindowLimit,
};
use gangway_domain::{
    record::{ExternalId, Stream},
    schema::{AttributeType, Catalogue, DiscoveredAttribute, DiscoveryMethod},
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::versions::TWO;

pub(super) const SOURCE: &str = "fake.v1";
/// Origin of the vendor; nothing is ever sent there.
const ORIGIN: &str = "https://vendor.example";
/// Another server of the vendor, with accounts of its own.
pub(super) const OTHER_ORIGIN: &str = "https://other.vendor.example";

/// One object of the account.
#[derive(Clone)]
pub(super) struct Object {
    pub(super) id: String,
    pub(super) fields: BTreeMap<String, Value>,
    pub(super) attributes: BTreeMap<String, Value>,
    pub(super) employee: Option<String>,
    pub(super) changed_at: DateTime<Utc>,
}

/// The account.
#[expect(clippy::struct_excessive_bools, reason = "independent switches that tests turn")]
pub(super) struct Account {
    pub(super) objects: BTreeMap<Stream, Vec<Object>>,
    /// Keys and labels of the attributes that the account lists; none when it does not let us ask.
    pub(super) catalogue: Option<Vec<(&'static str, &'static str)>>,
    pub(super) page_size: usize,
    /// Ids whose bytes cannot be read.
    pub(super) unreadable: Vec<String>,
    /// Ids that listings leave out although they are there.
    pub(super) unlisted: Vec<String>,
    /// Ids that single reads refuse to show; `*` is everybody.
    pub(super) hidden: Vec<String>,
    /// Ids that single reads have refused to show.
    pub(super) refused: BTreeSet<String>,
    /// Attributes that are listed and come on no record.
    pub(super) unsent: Vec<&'static str>,
    /// Listings of absences can tell what changed.
    pub(super) tells_changes: bool,
    /// Errors that the next calls answer with; none lets a call through.
    pub(super) failures: VecDeque<Option<ErrorKind>>,
    /// So many listing calls, after those failures, find our own budget used up.
    pub(super) budget_refusals: usize,
    /// A total to claim instead of the true one.
    pub(super) claimed_total: Option<u64>,
    /// Pages that say that the total changed, counted over all calls.
    pub(super) total_changes_on: Vec<usize>,
    /// Whether listings give a total.
    pub(super) has_total: bool,
    /// Every listing call.
    pub(super) calls: Vec<ReadPage>,
    /// Every single read.
    pub(super) single_reads: Vec<String>,
    /// Single reads are not offered, though the manifest promises them.
    pub(super) no_single_reads: bool,
    /// Errors that the next single reads answer with; none lets a call through.
    pub(super) single_failures: VecDeque<Option<ErrorKind>>,
    /// The manifest promises single reads of absences as well.
    pub(super) confirms_absences: bool,
    /// Holds the next page back once it was asked for.
    pub(super) gate: Option<Gate>,
    /// Holds the next single read back once it was asked for.
    pub(super) single_gate: Option<Gate>,
    /// The bytes of employees hold their fields too, so that they can be read again.
    pub(super) sends_fields: bool,
    /// Versions of its API that the config allows, the preferred one first; none for a vendor that has but one. [`TWO`] shows each
    /// absence as two.
    pub(super) versions: Vec<&'static str>,
    /// What its versions tell alike of employees.
    pub(super) kept: &'static [&'static str],
    /// Versions that are no longer served.
    pub(super) ended: Vec<&'static str>,
    /// Says that pages after the first are of this version.
    pub(super) flaps_to: Option<&'static str>,
    /// After so many more listing calls the worker is asked to stop.
    pub(super) stop_after: Option<(usize, CancellationToken)>,
}

impl Account {
    fn empty() -> Self {
        Self {
            objects: BTreeMap::new(),
            catalogue: Some(vec![("dynamic_1", "Shirt size"), ("dynamic_2", "Salary")]),
            page_size: 3,
            unreadable: Vec::new(),
            unlisted: Vec::new(),
            hidden: Vec::new(),
            refused: BTreeSet::new(),
            unsent: Vec::new(),
            tells_changes: false,
            failures: VecDeque::new(),
            budget_refusals: 0,
            claimed_total: None,
            total_changes_on: Vec::new(),
            has_total: true,
            calls: Vec::new(),
            single_reads: Vec::new(),
            no_single_reads: false,
            single_failures: VecDeque::new(),
            confirms_absences: false,
            gate: None,
            single_gate: None,
            sends_fields: false,
            versions: Vec::new(),
            kept: &[],
            ended: Vec::new(),
            flaps_to: None,
            stop_after: None,
        }
    }
}

impl Account {
    /// The record as the credential may see it.
    pub(super) fn show(&self, object: &Object) -> SourceRecord {
        let mut shown = object.clone();
        shown.attributes.retain(|key, _| !self.unsent.contains(&key.as_str()));
        record(&shown, self.sends_fields)
    }
}

/// Between what was asked for and its answer.
#[derive(Clone, Default)]
pub(super) struct Gate {
    /// Told when it was asked for.
    pub(super) reached: Arc<Notify>,
    /// Waited for before it is answered.
    pub(super) opened: Arc<Notify>,
}

impl Gate {
    async fn pass(gate: Option<Self>) {
        let Some(Self { reached, opened }) = gate else { return };
        reached.notify_one();
        opened.notified().await;
    }
}

/// Hands the account to the connector and the test.
#[derive(Clone)]
pub(super) struct Vendor(Arc<Mutex<Account>>);

impl Vendor {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(Account::empty())))
    }

    /// Another account, empty and without whims.
    pub(super) fn reset(&self) {
        *self.account() = Account::empty();
    }

    pub(super) fn registry(&self) -> Registry {
        Registry::new(vec![Arc::new(FakeConnector(self.clone()))])
    }

    pub(super) fn account(&self) -> MutexGuard<'_, Account> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds employees `from..to`, each with a name, an email and a salary.
    pub(super) fn hire(&self, ids: Range<u32>, at: DateTime<Utc>) {
        let mut account = self.account();
        let employees = account.objects.entry(Stream::Employees).or_default();
        employees.extend(ids.map(|id| employee(id, at)));
    }

    /// Removes objects by id.
    pub(super) fn remove(&self, stream: Stream, ids: &[&str]) {
        self.account().objects.entry(stream).or_default().retain(|object| !ids.contains(&object.id.as_str()));
    }

    /// Adds an object of another stream.
    pub(super) fn add(&self, stream: Stream, object: Object) {
        self.account().objects.entry(stream).or_default().push(object);
    }

    /// Changes one object.
    pub(super) fn change(&self, stream: Stream, id: &str, at: DateTime<Utc>, change: impl FnOnce(&mut Object)) {
        let mut account = self.account();
        let object = account.objects.get_mut(&stream).unwrap().iter_mut().find(|object| object.id == id).unwrap();
        change(object);
        object.changed_at = at;
    }
}

pub(super) fn employee(id: u32, at: DateTime<Utc>) -> Object {
    let fields = [
        ("first_name", json!(format!("First{id}"))),
        ("last_name", json!("Person")),
        ("email", json!(format!("Person{id}@Example.org"))),
        ("status", json!("active")),
        ("office", json!({"id": "7", "name": "Berlin"})),
        ("updated_at", json!(at.to_rfc3339())),
    ];
    let attributes = [("dynamic_1", json!("L")), ("dynamic_2", json!(format!("canary-salary-{id}")))];
    Object {
        id: id.to_string(),
        fields: fields.map(|(key, value)| (key.to_owned(), value)).into(),
        attributes: attributes.map(|(key, value)| (key.to_owned(), value)).into(),
        employee: None,
        changed_at: at,
    }
}

pub(super) fn absence(id: u32, employee: u32, day: &str, at: DateTime<Utc>) -> Object {
    let fields = [
        ("employee", json!({"id": employee.to_string()})),
        ("starts_on", json!(day)),
        ("ends_on", json!(day)),
        ("status", json!("approved")),
        ("comment", json!("canary-comment")),
    ];
    Object {
        id: id.to_string(),
        fields: fields.map(|(key, value)| (key.to_owned(), value)).into(),
        attributes: BTreeMap::new(),
        employee: Some(employee.to_string()),
        changed_at: at,
    }
}

fn name(id: &str) -> ExternalId {
    ExternalId { source: SOURCE.to_owned(), id: id.to_owned() }
}

/// The record with its bytes: `{"id":"1","dynamic_1":…}` and the place of each member in them; absences have their fields there,
/// and so have employees of an account that sends everything.
fn record(object: &Object, sends_fields: bool) -> SourceRecord {
    let mut raw = format!("{{\"id\":{}", json!(object.id));
    let mut spans = Vec::new();
    for (key, value) in object.fields.iter().filter(|_| sends_fields && object.employee.is_none()) {
        write!(raw, ",{}:{value}", json!(key)).unwrap();
    }
    for (key, value) in if object.employee.is_some() { &object.fields } else { &object.attributes } {
        raw.push(',');
        let start = raw.len();
        write!(raw, "{}:{value}", json!(key)).unwrap();
        spans.push(AttributeSpan { key: key.clone(), range: start..raw.len() });
    }
    raw.push('}');
    let mut record = SourceRecord::new(name(&object.id), object.fields.clone(), raw.into());
    record.attributes = object
        .attributes
        .iter()
        .map(|(key, value)| AttributeValue::new(key.clone(), value.clone()).with_canonical_field(canonical(key)))
        .collect();
    record.employee = object.employee.as_deref().map(name);
    record.spans = spans;
    record
}

/// The canonical field that an attribute feeds.
fn canonical(key: &str) -> Option<&str> {
    ["email", "status"].contains(&key).then_some(key)
}

/// Where the account is.
#[derive(Deserialize, JsonSchema)]
struct Config {
    base_url: Option<String>,
}

/// Whose account it is, and what proves that.
#[derive(Deserialize, JsonSchema)]
struct Credential {
    client_id: Option<String>,
    #[serde(rename = "secret")]
    _secret: Option<String>,
}

struct FakeConnector(Vendor);

#[async_trait]
impl Connector for FakeConnector {
    const ID: &'static str = "fake";
    type Config = Config;
    type Credential = Credential;

    fn manifest(&self) -> Manifest {
        let limit = WindowLimit::new(1_000, 1);
        let limits =
            ManifestLimits { credential: limit, paths: Vec::new(), authentication: limit, address: None, in_flight: 4 };
        let mut manifest = Manifest::of::<Self>("Fake", "https://vendor.example/docs", limits);
        manifest.origins = vec![ORIGIN.to_owned(), OTHER_ORIGIN.to_owned()];
        let (confirms_absences, tells_changes) = {
            let account = self.0.account();
            (account.confirms_absences, account.tells_changes)
        };
        manifest.streams = [Stream::Employees, Stream::Absences]
            .map(|stream| StreamManifest {
                stream,
                windowed: stream != Stream::Employees,
                supports_since: stream == Stream::Employees || tells_changes,
                has_total: true,
                confirms_deletion: stream == Stream::Employees || confirms_absences,
                requires_permission: "read",
                requires_plan: None,
                page_size: 3,
            })
            .into();
        manifest
    }

    fn credential_identity(&self, credential: &Self::Credential) -> String {
        credential.client_id.clone().unwrap_or_else(|| "fake-account".to_owned())
    }

    fn base_url(&self, config: &Self::Config) -> Result<url::Url> {
        Ok(config.base_url.as_deref().unwrap_or(ORIGIN).parse().unwrap())
    }

    fn read_stored(&self, _: Stream, external: &ExternalId, raw: Bytes) -> Result<SourceRecord> {
        let broken = |_| Error::new(ErrorKind::Protocol, "read stored", "the bytes are no object");
        let members: BTreeMap<String, Value> = serde_json::from_slice(&raw).map_err(broken)?;
        let (attributes, fields) =
            members.into_iter().filter(|(key, _)| key != "id").partition(|(key, _)| key.starts_with("dynamic_"));
        let object =
            Object { id: external.id.clone(), fields, attributes, employee: None, changed_at: DateTime::UNIX_EPOCH };
        Ok(record(&object, true))
    }

    async fn connect(&self, _: Self::Config, _: Self::Credential, _: Runtime) -> Result<Arc<dyn Connection>> {
        Ok(Arc::new(FakeConnection(self.0.clone())))
    }
}

struct FakeConnection(Vendor);

#[async_trait]
impl Connection for FakeConnection {
    async fn check(&self, _: CheckRequest) -> Result<CheckReport> {
        Ok(CheckReport::new(true, Vec::new(), Vec::new()))
    }

    fn discovery(&self) -> Option<&dyn Discovery> {
        Some(self)
    }

    fn source(&self) -> Option<&dyn Source> {
        Some(self)
    }
}

#[async_trait]
impl Discovery for FakeConnection {
    async fn discover(&self, _: DiscoverRequest) -> Result<Catalogue> {
        let refused = || Error::new(ErrorKind::Forbidden, "discover", "the test said so");
        let catalogue = self.0.account().catalogue.clone().ok_or_else(refused)?;
        let attributes = catalogue
            .into_iter()
            .map(|(key, label)| DiscoveredAttribute {
                key: key.to_owned(),
                label: label.to_owned(),
                kind: AttributeType::Text,
                universal_id: None,
                options: Vec::new(),
                is_custom: canonical(key).is_none(),
                canonical_field: canonical(key).map(str::to_owned),
            })
            .collect();
        Ok(Catalogue { stream: Stream::Employees, method: DiscoveryMethod::Listed, attributes })
    }
}

#[async_trait]
impl Source for FakeConnection {
    fn api_versions(&self, _: Stream) -> Vec<&'static str> {
        self.0.account().versions.clone()
    }

    fn kept_fields(&self, stream: Stream) -> &'static [&'static str] {
        if stream == Stream::Employees { self.0.account().kept } else { &[] }
    }

    async fn read_page(&self, request: ReadPage) -> Result<Page> {
        let gate = self.0.account().gate.take();
        Gate::pass(gate).await;
        let mut account = self.0.account();
        if let Some(Some(kind)) = account.failures.pop_front() {
            return Err(Error::new(kind, "read page", "the vendor failed because the test said so"));
        }
        if account.budget_refusals > 0 {
            account.budget_refusals -= 1;
            let refusal = gangway_egress::Error::new(gangway_egress::ErrorKind::RateLimited, "/people", "no slot");
            let refusal = refusal.with_retry_after(Duration::from_secs(7)).of_own_budget();
            return Err(Error::from_port("read page", refusal));
        }
        if let Some((calls, stop)) = &mut account.stop_after {
            *calls = calls.saturating_sub(1);
            if *calls == 0 {
                stop.cancel();
            }
        }
        account.calls.push(request.clone());
        let n_calls = account.calls.len();
        let offset: usize = match &request.checkpoint {
            Some(place) => place.unpack("read page")?,
            None => 0,
        };
        let listed: Vec<&Object> = account
            .objects
            .get(&request.stream)
            .into_iter()
            .flatten()
            .filter(|object| !account.unlisted.contains(&object.id))
            .filter(|object| match request.mode {
                ReadMode::Since(since) => object.changed_at >= since,
                ReadMode::All => true,
            })
            .filter(|object| match (request.window, object.fields.get("starts_on").and_then(Value::as_str)) {
                (Some(window), Some(day)) => {
                    (window.from.to_string()..=window.to.to_string()).contains(&day.to_owned())
                }
                _ => true,
            })
            .collect();
        let version = account.version(&request);
        let is_two = version == Some(TWO);
        let per_object = if is_two && request.stream != Stream::Employees { 2 } else { 1 };
        let total = u64::try_from(listed.len() * per_object).unwrap();
        let page: Vec<&Object> = listed.iter().skip(offset).take(account.page_size).copied().collect();
        let end = offset + page.len();
        let (bad, good): (Vec<&Object>, Vec<&Object>) =
            page.into_iter().partition(|object| account.unreadable.contains(&object.id));
        let show = |object| if is_two { account.show_in_two(object) } else { vec![account.show(object)] };
        let records: Vec<SourceRecord> = good.into_iter().flat_map(show).collect();
        let bad = bad
            .into_iter()
            .map(|object| BadRecord::new(Some(object.id.clone()), "email is a number", account.show(object).raw))
            .collect();
        let mut answer = if end < listed.len() {
            Page::followed_by(records, bad, Checkpoint::pack("read page", &end)?)
        } else {
            Page::last(records, bad)
        };
        answer = answer.with_total(account.has_total.then(|| account.claimed_total.unwrap_or(total)));
        answer.total_changed = account.total_changes_on.contains(&n_calls);
        answer.api_version = account.flaps_to.filter(|_| offset > 0).or(version).map(str::to_owned);
        Ok(answer)
    }

    async fn read_one(&self, request: ReadOne) -> Result<Option<SourceRecord>> {
        let gate = self.0.account().single_gate.take();
        Gate::pass(gate).await;
        let mut account = self.0.account();
        account.single_reads.push(request.external_id.clone());
        if account.no_single_reads {
            return Err(Error::new(ErrorKind::Unsupported, "read one", "not offered"));
        }
        if let Some(Some(kind)) = account.single_failures.pop_front() {
            if kind == ErrorKind::Forbidden {
                account.refused.insert(request.external_id);
            }
            return Err(Error::new(kind, "read one", "the vendor failed because the test said so"));
        }
        if account.hidden.iter().any(|id| id == "*" || *id == request.external_id) {
            account.refused.insert(request.external_id);
            return Err(Error::new(ErrorKind::Forbidden, "read one", "may not be seen"));
        }
        let mut objects = account.objects.get(&request.stream).into_iter().flatten();
        Ok(objects.find(|object| object.id == request.external_id).map(|object| account.show(object)))
    }

    async fn read_picture(&self, _: ReadPicture) -> Result<Option<Picture>> {
        Ok(None)
    }
}
