//! What a sandbox is made of. Nothing here reads the environment or the clock's machine: callers pass both.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::NaiveDate;
use gangway_domain::{Clock, SystemClock};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::quirks::Quirks;
use crate::seed::Seed;
use crate::shapes::time;
use crate::v2::V2Limits;

/// Everything that decides how a sandbox answers.
#[derive(Clone)]
pub struct Config {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The company's name; ids, custom attribute keys, credentials and e-mail addresses derive from it and the seed.
    pub company: String,
    /// How many people are generated.
    pub people: usize,
    /// The seed of everything generated.
    pub seed: u64,
    /// Which description of the vendor is obeyed.
    pub dialect: Dialect,
    /// Whether and how requests are limited.
    pub rate_limit: RateLimit,
    /// Absences generated for each person.
    pub absences_per_person: usize,
    /// Attendances generated for each person.
    pub attendances_per_person: usize,
    /// The day that absences, attendances, leavers and hires to come are generated around.
    pub today: NaiveDate,
    /// The credentials that may log in; empty means the one of [`Config::client_id`].
    pub credentials: Vec<CredentialConfig>,
    /// Where changes made through the admin endpoints are kept; `None` forgets them.
    pub state_file: Option<PathBuf>,
    /// The switches for oddities at start.
    pub quirks: Quirks,
    /// Threads that serve requests.
    pub workers: usize,
    /// How webhooks are sent.
    pub webhooks: WebhookSending,
    /// The clock of tokens, limits and modification times.
    pub clock: Arc<dyn Clock>,
}

impl Config {
    /// A vendor-dialect company called "Acme" with its usual limits, on a free port of this machine.
    pub fn new(people: usize, seed: u64) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            company: "Acme".to_owned(),
            people,
            seed,
            dialect: Dialect::Vendor,
            rate_limit: RateLimit::usual(Dialect::Vendor),
            absences_per_person: 4,
            attendances_per_person: 8,
            today: time::local_date(clock.now()),
            credentials: Vec::new(),
            state_file: None,
            quirks: Quirks::default(),
            workers: 1,
            webhooks: WebhookSending::default(),
            clock,
        }
    }

    /// Obeys `dialect`, with the limits that are usual there.
    pub fn with_dialect(self, dialect: Dialect) -> Self {
        Self { dialect, rate_limit: RateLimit::usual(dialect), ..self }
    }

    /// Refuses nobody for asking too often.
    pub fn without_rate_limit(self) -> Self {
        Self { rate_limit: RateLimit::Off, ..self }
    }

    /// Takes the time, and `today`, from `clock`.
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { today: time::local_date(clock.now()), clock, ..self }
    }

    /// The first credential's id: the configured one, else derived from seed and company.
    pub fn client_id(&self) -> String {
        self.credentials.first().map_or_else(|| self.derived().client_id, |credential| credential.client_id.clone())
    }

    /// The first credential's secret: the configured one, else derived from seed and company.
    pub fn client_secret(&self) -> SecretString {
        self.credentials
            .first()
            .map_or_else(|| self.derived().client_secret, |credential| credential.client_secret.clone())
    }

    pub(crate) fn effective_credentials(&self) -> Vec<CredentialConfig> {
        if self.credentials.is_empty() { vec![self.derived()] } else { self.credentials.clone() }
    }

    pub(crate) fn seed(&self) -> Seed {
        Seed { company: self.company.clone(), number: self.seed }
    }

    fn derived(&self) -> CredentialConfig {
        let seed = self.seed();
        let word = |label| URL_SAFE_NO_PAD.encode(seed.digest(label, 0));
        CredentialConfig {
            client_id: format!("papi-{}", word("client_id")),
            client_secret: SecretString::from(format!("papi-{}", word("client_secret"))),
            whitelist: None,
            forbid_discovery: false,
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("listen", &self.listen)
            .field("company", &self.company)
            .field("people", &self.people)
            .field("seed", &self.seed)
            .field("dialect", &self.dialect)
            .field("rate_limit", &self.rate_limit)
            .field("today", &self.today)
            .field("state_file", &self.state_file)
            .finish_non_exhaustive()
    }
}

/// How webhooks are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookSending {
    /// Whether a task sends what is due; otherwise only [`Handle::send_webhooks`](crate::Handle::send_webhooks) does.
    pub by_itself: bool,
    /// By how much the waits between attempts, which last up to 40 hours, are shortened; 1 leaves them as they are.
    pub speed: u32,
    /// Origins beside this machine that are sent to, as `https://host:port`.
    pub allowed_origins: Vec<String>,
}

impl Default for WebhookSending {
    fn default() -> Self {
        Self { by_itself: true, speed: 1, allowed_origins: Vec::new() }
    }
}

/// One set of credentials and what it may read.
#[derive(Debug, Clone)]
pub struct CredentialConfig {
    /// The public half.
    pub client_id: String,
    /// The secret half.
    pub client_secret: SecretString,
    /// The attribute keys it may read besides `id`; `None` is all of them.
    pub whitelist: Option<Vec<String>>,
    /// Whether it may not list the attributes although it may read employees.
    pub forbid_discovery: bool,
}

/// Which description of the vendor is obeyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// The vendor's own bodies, limits and oddities.
    Vendor,
    /// What a widespread third-party guide says.
    Guide,
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Vendor => "vendor",
            Self::Guide => "guide",
        })
    }
}

impl std::str::FromStr for Dialect {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "vendor" => Ok(Self::Vendor),
            "guide" => Ok(Self::Guide),
            other => Err(format!("unknown dialect {other:?}: use vendor or guide")),
        }
    }
}

/// Whether requests are limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateLimit {
    /// Nobody is refused.
    Off,
    /// These limits hold.
    On(Limits),
}

impl RateLimit {
    /// The limits that are usual in `dialect`: the vendor names none in headers, the guide does.
    pub fn usual(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Vendor => Self::On(Limits::default()),
            Dialect::Guide => {
                Self::On(Limits { employees_burst_per_s: None, headers: HeaderFamily::Guide, ..Limits::default() })
            }
        }
    }
}

/// The limits of one sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How requests of a credential are counted.
    pub kind: LimiterKind,
    /// Requests of one credential in a window.
    pub limit: u32,
    /// The window's length.
    pub window_s: u32,
    /// Requests of one credential for the list of employees in any second.
    pub employees_burst_per_s: Option<u32>,
    /// What the answers say about the limit.
    pub headers: HeaderFamily,
    /// Requests from one address in any minute.
    pub per_address_per_min: u32,
    /// Logins with one credential in a minute; the next is refused for 60 s.
    pub auth_per_min: u32,
    /// The limits of version 2, which are counted apart.
    pub v2: V2Limits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            kind: LimiterKind::Sliding,
            limit: 200,
            window_s: 60,
            employees_burst_per_s: Some(15),
            headers: HeaderFamily::None,
            per_address_per_min: 2_000,
            auth_per_min: 60,
            v2: V2Limits::default(),
        }
    }
}

/// How requests are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimiterKind {
    /// No span of the window's length ever holds more than the limit.
    Sliding,
    /// Windows start at multiples of their length.
    Fixed,
    /// A token bucket that refills at limit ÷ window and holds `burst`.
    Bucket {
        /// The bucket's size.
        burst: u32,
    },
}

/// Which headers tell about the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderFamily {
    /// None at all.
    None,
    /// `x-ratelimit-replenish-rate`, `-burst-capacity`, `-requested-tokens`, `-remaining`.
    Replenish,
    /// `X-RateLimit-Limit`, `-Remaining` and `-Reset` (seconds since 1970).
    Guide,
    /// `Retry-After` in seconds, on refusals only.
    RetryAfter,
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn credentials_derive_from_seed_and_company() {
        let one = Config::new(1, 1);
        assert!(one.client_id().len() >= 32 && one.client_secret().expose_secret().len() >= 32);
        assert_eq!(one.client_id(), Config::new(9, 1).with_dialect(Dialect::Guide).client_id());
        assert_ne!(one.client_id(), Config::new(1, 2).client_id());
        assert_ne!(one.client_id(), Config { company: "Other".into(), ..Config::new(1, 1) }.client_id());
    }

    #[test]
    fn the_secret_is_not_in_the_debug_text() {
        let mut config = Config::new(1, 1);
        config.credentials = config.effective_credentials();
        let text = format!("{config:?} {:?}", config.credentials);
        assert!(!text.contains(config.client_secret().expose_secret()));
    }
}
