//! Personio: reading and writing employees, absences and attendances through version 1 of its API, or through version 2 ([`v2`]) where
//! the config says so ([`api`]).
//!
//! The vendor's documentation, the live server and a widespread third-party guide disagree in many shapes; the readers here
//! take all of them (see `docs/connectors/personio.md`). The way of an answer: [`client`] sends with a token, `envelope`
//! opens it, [`employee`], [`absence`] and [`attendance`] read items with `json` and `value`, `paging` decides about the
//! next page. Nothing here loops over pages, but discovery's bounded fallback.

mod absence;
mod absence_type;
mod api;
mod attempt;
mod attendance;
mod authentication;
mod capability;
mod check;
mod client;
mod confirm;
mod discovery;
mod employee;
mod endpoints;
mod envelope;
mod item;
mod json;
mod limits;
mod manifest;
mod notice;
mod paging;
mod proxy;
mod source;
mod tokens;
mod v2;
mod value;
mod write;

#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use gangway_domain::record::{ExternalId, Stream};
use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

use crate::contract::{
    AbsenceTarget, AttendanceTarget, CheckReport, CheckRequest, Connection, Connector, Discovery, Error, ErrorKind,
    FieldProblem, Manifest, Notices, Proxy, Result, Revocation, Runtime, Source, SourceRecord, Target, Webhooks,
};

pub use api::ApiVersion;
use client::Client;
pub use endpoints::{Endpoint, Supported, endpoints};
pub use write::BodyStyle;

/// Smallest page that may be configured: with fewer items per page the two ways of counting an offset look alike.
const MIN_PAGE_SIZE: u32 = 10;
const MAX_PAGE_SIZE: u32 = 200;
const DEFAULT_BASE_URL: &str = "https://api.personio.de";

/// The connector.
#[derive(Debug, Clone, Copy, Default)]
pub struct Personio;

/// What a Personio connection can be told.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the API answers, without `/v1`. Leave it out unless your operator tells you another address.
    #[serde(default = "default_base_url")]
    #[schemars(url)]
    pub base_url: String,
    /// Records asked for per page, 10 to 200 (employees: at most 100). Leave it out to ask for as many as Personio allows.
    #[serde(default)]
    #[schemars(range(min = 10, max = 200))]
    pub page_size: Option<u32>,
    /// How employees are written. Leave it out for Personio itself; `flat` is for systems built after a third-party guide.
    #[serde(default)]
    pub body_style: BodyStyle,
    /// Which version of Personio's API is read and written through: `v1`, `v2`, or `auto` (when left out), which takes for each
    /// stream the version that suits it better, where it answers: version 2 for attendances, version 1 for employees and
    /// absences, of which each costs a request in version 2. The check says which. A sync keeps to the version that it began
    /// with while it can.
    #[serde(default)]
    pub api: ApiVersion,
}

/// What a Personio connection authenticates with.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    /// Client ID. In Personio: Settings > Integrations > API credentials (newer accounts: Marketplace > Create custom
    /// integration), open or generate the credential, field "Client ID".
    pub client_id: String,
    /// Client secret. On the same page, field "Client secret"; Personio shows it when the credential is generated.
    #[schemars(with = "String", extend("format" = "password", "writeOnly" = true))]
    pub client_secret: SecretString,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").finish_non_exhaustive()
    }
}

fn default_base_url() -> String {
    DEFAULT_BASE_URL.to_owned()
}

#[async_trait]
impl Connector for Personio {
    const ID: &'static str = "personio";
    type Config = Config;
    type Credential = Credential;

    fn manifest(&self) -> Manifest {
        manifest::manifest()
    }

    fn config_problems(&self, config: &Config) -> Vec<FieldProblem> {
        let mut problems = Vec::new();
        if let Err(message) = read_base_url(&config.base_url) {
            problems.push(FieldProblem::new("/base_url", message));
        }
        if config.page_size.is_some_and(|size| !(MIN_PAGE_SIZE..=MAX_PAGE_SIZE).contains(&size)) {
            problems.push(FieldProblem::new("/page_size", "must lie between 10 and 200"));
        }
        problems
    }

    fn credential_problems(&self, credential: &Credential) -> Vec<FieldProblem> {
        let fields = [
            ("/client_id", credential.client_id.as_str()),
            ("/client_secret", credential.client_secret.expose_secret()),
        ];
        fields
            .into_iter()
            .filter_map(|(pointer, text)| {
                let message = match text {
                    "" => "is empty",
                    text if text.trim() != text => "begins or ends with white space, probably from copying",
                    text if text.len() > 512 => "is longer than any value Personio hands out",
                    _ => return None,
                };
                Some(FieldProblem::new(pointer, message))
            })
            .collect()
    }

    fn credential_identity(&self, credential: &Credential) -> String {
        credential.client_id.clone()
    }

    fn base_url(&self, config: &Config) -> Result<Url> {
        read_base_url(&config.base_url)
            .map_err(|message| Error::new(ErrorKind::ConfigInvalid, "base url", format!("base_url {message}")))
    }

    fn read_stored(&self, stream: Stream, external: &ExternalId, raw: Bytes) -> Result<SourceRecord> {
        source::read_stored(stream, external, &raw)
    }

    fn notices(&self) -> Option<&dyn Notices> {
        Some(self)
    }

    async fn connect(&self, config: Config, credential: Credential, runtime: Runtime) -> Result<Arc<dyn Connection>> {
        let base_url = Connector::base_url(self, &config)?;
        Ok(Arc::new(PersonioConnection {
            v2: v2::Client::new(credential.clone(), runtime.clone(), base_url),
            client: Client::new(credential, runtime, config.api),
            api: config.api,
            page_size: config.page_size,
            body_style: config.body_style,
            single_absences: confirm::SingleReads::default(),
            single_absences_of_v2: confirm::SingleReads::default(),
        }))
    }
}

/// A Personio account.
pub(crate) struct PersonioConnection {
    client: Client,
    v2: v2::Client,
    api: ApiVersion,
    page_size: Option<u32>,
    body_style: BodyStyle,
    single_absences: confirm::SingleReads,
    single_absences_of_v2: confirm::SingleReads,
}

#[async_trait]
impl Connection for PersonioConnection {
    async fn check(&self, request: CheckRequest) -> Result<CheckReport> {
        check::check(self, &request).await
    }

    fn discovery(&self) -> Option<&dyn Discovery> {
        Some(self)
    }

    fn source(&self) -> Option<&dyn Source> {
        Some(self)
    }

    fn target(&self) -> Option<&dyn Target> {
        Some(self)
    }

    fn absence_target(&self) -> Option<&dyn AbsenceTarget> {
        self.writes_periods().then_some(self)
    }

    fn attendance_target(&self) -> Option<&dyn AttendanceTarget> {
        self.writes_periods().then_some(self)
    }

    fn webhooks(&self) -> Option<&dyn Webhooks> {
        // Systems built after the guide have neither version 2 nor a way to register.
        (self.body_style == BodyStyle::Wrapped).then_some(self)
    }

    fn proxy(&self) -> Option<&dyn Proxy> {
        Some(self)
    }

    fn revocation(&self) -> Option<&dyn Revocation> {
        // Systems built after the guide know version 1 only.
        (self.body_style == BodyStyle::Wrapped).then_some(self)
    }
}

/// Reads a base URL. Guides write it with `/v1`, which the paths here already hold.
///
/// A parser of URLs forgives much: it drops tabs and line breaks, reads a backslash as a slash, adds missing slashes and folds
/// `..` away, decodes `%61` in a host and makes an address of a number. What is stored and shown would then name another place than where the credential goes.
fn read_base_url(text: &str) -> Result<Url, &'static str> {
    if !text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') {
        return Err("must be written in visible ASCII characters without white space or backslashes");
    }
    let has_scheme = |scheme: &str| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    if !has_scheme("https://") && !has_scheme("http://") {
        return Err("must begin with https:// (or http:// where an operator allows it)");
    }
    let mut url = Url::parse(text).map_err(|_| "is not a URL")?;
    if !matches!(url.scheme(), "https" | "http") || url.host_str().is_none() {
        return Err("must be an http or https URL with a host");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a user name or password");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must not hold a query or fragment");
    }
    // From the text: the parser has folded dots and decoded the host already.
    let (_, rest) = text.split_once("://").unwrap_or_default();
    let (place, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = url.host_str().unwrap_or_default();
    let port =
        place.get(host.len()..).filter(|_| place.get(..host.len()).is_some_and(|it| it.eq_ignore_ascii_case(host)));
    if !port.is_some_and(|port| port.is_empty() || port.starts_with(':')) {
        return Err("must name its host as it is called: nothing percent-encoded, addresses in their usual form");
    }
    let path = path.strip_suffix('/').unwrap_or(path);
    let path = path.strip_suffix("/v1").unwrap_or(path);
    if path.split('/').skip(1).any(|segment| !is_plain(segment)) {
        return Err("must have a plain path, and /v1 only once, at its end; most accounts need no path");
    }
    url.set_path(path);
    Ok(url)
}

/// A part of a path that no proxy reads in another way.
fn is_plain(segment: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    !matches!(segment, "" | "." | ".." | "v1") && segment.bytes().all(is_plain)
}
