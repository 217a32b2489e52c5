//! The Personio sandbox as the behaviour suite wants it: variants, accounts, hands.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use chrono::{Days, TimeDelta};
use gangway_connector::{AnyConnector, personio::Personio};
use gangway_domain::{Clock, record::Stream, schema::DiscoveredAttribute, sync::Window};
use gangway_sandbox::{
    Bucket, Config, Dialect, Effect, Fault, Handle, HeaderFamily, LimiterKind, Limits, RateLimit, Sandbox, TokenMode,
    V2Limits,
};
use gangway_testkit::behaviour::{Account, Emulator, Expected, Failure, Harness, Pictures, Size, Subject, Traffic};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::oracle;

pub(super) const LIST: &str = "/v1/company/employees";
pub(super) const PERIODS: &str = "/v2/attendance-periods";
pub(super) const ABSENCES: &str = "/v2/absence-periods";
pub(super) const PERSONS: &str = "/v2/persons";
const LOGINS: [&str; 2] = ["/v1/auth", "/v2/auth/token"];

/// Which Personio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Variant {
    pub(super) dialect: Dialect,
    pub(super) limiter: LimiterKind,
    pub(super) headers: HeaderFamily,
    pub(super) tokens: TokenMode,
    pub(super) metadata: bool,
    /// The setting `api` of the connection.
    pub(super) api: &'static str,
}

impl Variant {
    /// The vendor as it is today.
    pub(super) const VENDOR: Self = Self {
        dialect: Dialect::Vendor,
        limiter: LimiterKind::Sliding,
        headers: HeaderFamily::None,
        tokens: TokenMode::Stable,
        metadata: true,
        api: "v1",
    };
    /// The vendor as it is today, read through version 2.
    pub(super) const V2: Self = Self { api: "v2", ..Self::VENDOR };
    /// The vendor as it is today, each stream read through the version that suits it.
    pub(super) const AUTO: Self = Self { api: "auto", ..Self::VENDOR };
    /// A system built after the third-party guide.
    pub(super) const GUIDE: Self =
        Self { dialect: Dialect::Guide, headers: HeaderFamily::Guide, metadata: false, ..Self::VENDOR };

    pub(super) fn harness(self) -> Harness {
        Harness::new(format!("{self:?}"), Vendor { variant: self, limit: 200, started: Arc::default() })
    }

    /// A subject, and the sandbox behind it.
    pub(super) async fn start_with_handle(self, size: Size) -> (Subject, Handle) {
        let slot = Arc::new(Mutex::new(None));
        let harness =
            Harness::new(format!("{self:?}"), Vendor { variant: self, limit: 200, started: Arc::clone(&slot) });
        let subject = Subject::start(&harness, size).await;
        let handle = slot.lock().expect("nobody panics with it").take().expect("the account has started");
        (subject, handle)
    }

    /// Lets `limit` requests through a minute.
    pub(super) fn harness_with_limit(self, limit: u32) -> Harness {
        Harness::new(format!("{self:?}, {limit} a minute"), Vendor { variant: self, limit, started: Arc::default() })
    }
}

/// The emulated vendor.
struct Vendor {
    variant: Variant,
    limit: u32,
    /// The last account's sandbox.
    started: Arc<Mutex<Option<Handle>>>,
}

impl Emulator for Vendor {
    fn connector(&self) -> Arc<dyn AnyConnector> {
        Arc::new(Personio)
    }

    fn start(&self, size: Size, clock: Arc<dyn Clock>) -> Box<dyn Account> {
        let account = PersonioAccount::start(self.variant, self.limit, size, clock);
        *self.started.lock().expect("nobody panics with it") = Some(account.handle.clone());
        Box::new(account)
    }
}

/// A sandbox with one credential.
pub(super) struct PersonioAccount {
    sandbox: Sandbox,
    pub(super) handle: Handle,
    variant: Variant,
    window: Window,
}

impl PersonioAccount {
    pub(super) fn start(variant: Variant, limit: u32, size: Size, clock: Arc<dyn Clock>) -> Self {
        let Variant { dialect, limiter, headers, tokens, metadata, api: _ } = variant;
        let config = Config::new(size.people, 11).with_dialect(dialect).with_clock(clock);
        let usual = match config.rate_limit {
            RateLimit::On(usual) => usual,
            RateLimit::Off => Limits::default(),
        };
        // The suite's clock stands still within a page, and version 2's limits are by the second.
        let wide = Bucket { per_s: 10_000, burst: 10_000 };
        let v2 = V2Limits { persons: wide, others: wide, ..usual.v2 };
        let limits = Limits { kind: limiter, headers, limit, v2, ..usual };
        let mut config = Config {
            rate_limit: RateLimit::On(limits),
            absences_per_person: size.absences_each,
            attendances_per_person: size.attendances_each,
            ..config
        };
        config.webhooks.by_itself = false;
        config.quirks.token_mode = tokens;
        config.quirks.metadata = metadata;
        let (from, to) = (config.today - Days::new(400), config.today + Days::new(400));
        let sandbox = Sandbox::bind(config).expect("the sandbox starts on a free port");
        Self { handle: sandbox.handle(), sandbox, variant, window: Window { from, to } }
    }

    fn credential_of(&self, secret: &str) -> SecretString {
        SecretString::from(json!({"client_id": self.sandbox.client_id(), "client_secret": secret}).to_string())
    }

    /// Where a stream is read and written.
    fn path(&self, stream: Stream) -> &'static str {
        match (stream, self.is_of_v2(stream)) {
            (Stream::Employees, true) => PERSONS,
            (Stream::Absences, true) => ABSENCES,
            (Stream::Attendances, true) => PERIODS,
            (Stream::Employees, false) => LIST,
            (Stream::Absences, false) => "/v1/company/time-offs",
            (Stream::Attendances, false) => "/v1/company/attendances",
        }
    }

    fn fail_at(&self, path: &str, failure: &Failure<'_>) {
        let mut fault = Fault::once(path, failure.status).with_body(failure.body);
        if let Some(seconds) = failure.retry_after_s {
            fault = fault.with_header("retry-after", seconds.to_string());
        }
        self.handle.add_fault(fault).expect("the fault is well-formed");
    }

    /// Whether a stream is read through version 2.
    fn is_of_v2(&self, stream: Stream) -> bool {
        match (self.variant.api, stream) {
            ("v2", _) | ("auto", Stream::Attendances) => true,
            ("v1" | "auto", _) => false,
            (other, _) => panic!("there is no setting {other}"),
        }
    }

    /// The number of what an id of that stream names.
    fn number(&self, stream: Stream, id: &str) -> u64 {
        match stream {
            Stream::Absences if self.is_of_v2(stream) => self.handle.absence_of(id).expect("the absence is there"),
            Stream::Attendances if self.is_of_v2(stream) => self.handle.attendance_of(id).expect("the period is there"),
            _ => id.parse().expect("the sandbox numbers everything"),
        }
    }

    fn is_vendor(&self) -> bool {
        self.variant.dialect == Dialect::Vendor
    }
}

/// Methods and paths that any account of this process gave a good answer to.
static ANSWERED: Mutex<BTreeSet<(String, &'static str)>> = Mutex::new(BTreeSet::new());

/// What was answered well so far, by accounts that have ended.
pub(super) fn answered() -> BTreeSet<(String, &'static str)> {
    ANSWERED.lock().expect("nobody panics with it").clone()
}

impl Drop for PersonioAccount {
    fn drop(&mut self) {
        let routes = self.handle.ledger(0).routes.into_iter();
        let good = routes.filter(|count| count.by_status.keys().any(|status| (200..300).contains(status)));
        ANSWERED.lock().expect("nobody panics with it").extend(good.map(|count| (count.method, count.route)));
    }
}

impl Account for PersonioAccount {
    fn config(&self) -> Value {
        let body_style = if self.is_vendor() { "wrapped" } else { "flat" };
        json!({"base_url": self.sandbox.base_url(), "body_style": body_style, "api": self.variant.api})
    }

    fn credential(&self) -> SecretString {
        self.credential_of(self.sandbox.client_secret().expose_secret())
    }

    fn wrong_credential(&self) -> SecretString {
        self.credential_of("papi-of-somebody-else")
    }

    fn records(&self, stream: Stream) -> Vec<Expected> {
        let base_url = self.sandbox.base_url();
        match stream {
            _ if !self.is_of_v2(stream) => oracle::records(&self.handle, self.variant.dialect, &base_url, stream),
            Stream::Employees => oracle::employees_of_v2(&self.handle, &base_url),
            Stream::Absences => oracle::absences_of_v2(&self.handle),
            Stream::Attendances => oracle::periods(&self.handle),
        }
    }

    fn attributes(&self) -> Vec<DiscoveredAttribute> {
        if self.is_of_v2(Stream::Employees) {
            return oracle::attributes_of_v2(&self.handle);
        }
        oracle::attributes(&self.handle, self.variant.dialect)
    }

    fn window(&self) -> Window {
        self.window
    }

    fn traffic(&self) -> Traffic {
        let report = self.handle.ledger(0);
        let resources = report.routes.iter().filter(|count| !LOGINS.contains(&count.route));
        let denied = resources.flat_map(|count| &count.by_status).filter(|(status, _)| matches!(status, 401 | 403));
        Traffic {
            total: report.total,
            authentications: LOGINS.into_iter().map(|login| report.count(login)).sum(),
            denied: denied.map(|(_, n)| n).sum(),
            too_many: report.too_many,
        }
    }

    fn pictures(&self) -> Pictures {
        let people = self.handle.people();
        let find = |has| {
            let found = people.iter().find(|person| person["has_picture"] == has);
            found.map(|person| person["id"].to_string())
        };
        Pictures { with: find(true), without: find(false) }
    }

    fn lists_attributes(&self) -> bool {
        self.is_vendor() && !self.is_of_v2(Stream::Employees)
    }

    fn tells_totals(&self, stream: Stream) -> bool {
        self.is_vendor() && self.variant.metadata && !self.is_of_v2(stream)
    }

    fn n_logins(&self) -> u64 {
        if self.variant.api == "auto" { 2 } else { 1 }
    }

    fn n_requests(&self, stream: Stream, n_pages: usize, n_records: usize) -> u64 {
        let beside = match stream {
            // The employment of each, and the names of their units.
            Stream::Employees if self.is_of_v2(stream) => n_records + oracle::n_kinds_of_units(&self.handle),
            // The days of each, and the names of their types.
            Stream::Absences if self.is_of_v2(stream) && n_records > 0 => n_records + 1,
            _ => 0,
        };
        (n_pages + beside) as u64
    }

    fn reaches_back(&self, stream: Stream) -> TimeDelta {
        // The company's clock is Berlin's, and the suite's day lies in summer.
        if self.is_of_v2(stream) && stream != Stream::Employees { TimeDelta::hours(2) } else { TimeDelta::zero() }
    }

    fn reads_single(&self, stream: Stream) -> bool {
        self.is_vendor() || stream == Stream::Employees
    }

    fn may_have_ended(&self, stream: Stream) -> bool {
        stream == Stream::Attendances && !self.is_of_v2(stream)
    }

    fn takes_parallel_requests(&self) -> bool {
        self.variant.tokens == TokenMode::Stable || !self.is_vendor()
    }

    fn own_attribute(&self) -> Option<(String, Value)> {
        // A text, in the words of the vendor's discovery.
        let is_text = |attribute: &&Value| {
            let key = attribute["key"].as_str().unwrap_or_default();
            key.starts_with("dynamic_") && attribute["type"] == "standard" && attribute["universal_id"].is_null()
        };
        let key = self.handle.attributes().iter().find(is_text)?["key"].as_str()?.to_owned();
        Some((key, json!("Grüße aus „Süd“")))
    }

    fn required_of_new_employees(&self) -> &'static [&'static str] {
        let all = &["first_name", "last_name", "email"];
        if self.is_of_v2(Stream::Employees) { &all[..2] } else { all }
    }

    fn has_path(&self, template: &str) -> bool {
        self.is_vendor() || !template.starts_with("/v2/")
    }

    fn type_with_approval(&self) -> Option<String> {
        let types = self.handle.time_off_types();
        let found = types.iter().find(|kind| kind["approval_required"] == true)?;
        if !self.is_of_v2(Stream::Absences) {
            return Some(found["id"].to_string());
        }
        let absences = self.handle.absences();
        let of_type = absences.iter().filter(|absence| found["id"] == absence.time_off_type_id);
        let ids: Vec<u64> = of_type.map(|absence| absence.id).collect();
        let periods = self.handle.absence_periods();
        periods.into_iter().find(|period| ids.contains(&period.absence)).map(|period| period.absence_type)
    }

    fn forbid_writes(&self) {
        self.handle.change_switches(&json!({"forbid_writes": true})).expect("the switch is known");
    }

    fn cut_next_creation(&self, stream: Stream) {
        let cut = Fault::always(self.path(stream), Effect::Cut { after_percent: 50 });
        let cut = Fault { method: Some("POST".to_owned()), times: Some(1), ..cut };
        self.handle.add_fault(cut).expect("the fault is well-formed");
    }

    fn send_webhooks(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            self.handle.send_webhooks().await;
        })
    }

    fn add(&self, stream: Stream) -> String {
        let someone = || self.handle.people().first().map(|person| person["id"].clone()).unwrap_or_default();
        let added = match stream {
            Stream::Employees => self.handle.add_person(&json!({
                "first_name": "Zoë", "last_name": "Ångström-Łukasz", "email": "zoe.angstrom@example.org",
                "weekly_working_hours": 38.5, "position": "Prüferin „Süd“",
            })),
            Stream::Absences => self.handle.add_absence(&json!({
                "employee_id": someone(), "start_date": self.window.to, "half_day_start": true, "comment": "Räume",
            })),
            Stream::Attendances => self.handle.add_attendance(&json!({
                "employee_id": someone(), "date": self.window.to, "start_time": "08:15", "end_time": "12:00",
            })),
        };
        let added = added.expect("the values fit");
        if stream == Stream::Absences && self.is_of_v2(stream) {
            let periods = self.handle.absence_periods();
            return periods.into_iter().find(|period| period.absence == added).expect("it was added").id;
        }
        if stream == Stream::Attendances && self.is_of_v2(stream) {
            let periods = self.handle.attendance_periods();
            let period = periods.into_iter().find(|period| period.attendance == added);
            return period.expect("an attendance has a period").id;
        }
        added.to_string()
    }

    fn change(&self, stream: Stream, id: &str) {
        let id = self.number(stream, id);
        let changed = match stream {
            Stream::Employees => self.handle.change_person(id, &json!({"last_name": "Müller-Öztürk"})),
            Stream::Absences => self.handle.change_absence(id, &json!({"comment": "verschoben"})),
            Stream::Attendances => self.handle.change_attendance(id, &json!({"break": 17})),
        };
        changed.expect("the record is there and the value fits");
    }

    fn remove(&self, stream: Stream, id: &str) {
        let id = self.number(stream, id);
        let removed = match stream {
            Stream::Employees => self.handle.remove_person(id),
            Stream::Absences => self.handle.remove_absence(id),
            Stream::Attendances => self.handle.remove_attendance(id),
        };
        removed.expect("the record is there");
    }

    fn expire_tokens(&self) {
        self.handle.expire_tokens();
    }

    fn fail_next(&self, stream: Stream, failure: &Failure<'_>) {
        self.fail_at(self.path(stream), failure);
    }

    fn hide(&self, key: &str) {
        let kept = self.attributes().into_iter().map(|attribute| attribute.key).filter(|known| known != key);
        self.handle.set_whitelist(self.sandbox.client_id(), Some(kept.collect())).expect("the credential is known");
    }

    fn forbid_discovery(&self) {
        self.handle.change_switches(&json!({"forbid_discovery": true})).expect("the switch is known");
    }
}
