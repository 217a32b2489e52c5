//! Logs, traces, metrics and the panic hook of this process. `docs/logging.md` names the fields.
//!
//! Logs go to standard error. Traces leave over OTLP only when a collector is set. Nothing here adds bodies, queries or
//! names to either: what may be in a span is decided where the span is made.

mod chain;
mod meters;
mod panic;
pub mod trace_context;

use std::{collections::HashMap, time::Duration};

use anyhow::Context as _;
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use tracing_subscriber::{
    Layer, Registry,
    filter::{LevelFilter, Targets},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

pub use self::{chain::Chain, meters::Meters};
use crate::config::{Log, LogFormat, has_login};

/// What is logged unless told otherwise. Not what `actix_http` says: whoever sends garbage would fill the log at `ERROR`. Nor
/// what sqlx says to a database's address: it quotes the values in it.
pub const DEFAULT_FILTER: &str = "info,actix_server=warn,actix_http=off,apalis=warn,apalis_core=warn,sqlx=warn,sqlx_postgres::options=off,sea_orm=warn,sea_orm_migration=warn";
/// What `gangway demo` logs unless told otherwise: its own lines say what happens.
pub const DEMO_FILTER: &str = "warn,actix_http=off,sqlx_postgres::options=off";

/// Libraries whose spans must not be exported: the exporter would report on itself.
const NOT_EXPORTED: &[&str] = &["hyper", "h2", "reqwest", "opentelemetry", "rustls", "tower"];

/// The installed telemetry; shut it down last.
#[derive(Debug)]
pub struct Telemetry {
    traces: Option<SdkTracerProvider>,
    meters: Meters,
}

impl Telemetry {
    /// Installs logs, traces and the panic hook. Call it before any runtime is entered.
    ///
    /// # Errors
    /// When the filter or the collector's address is unusable, or something is installed already.
    pub fn install(log: &Log, otlp_endpoint: Option<&SecretString>) -> anyhow::Result<Self> {
        let endpoint = otlp_endpoint.map(ExposeSecret::expose_secret);
        let resource = Resource::builder().with_service_name("gangway").build();
        let traces = endpoint.map(|endpoint| exporter(endpoint, resource.clone())).transpose()?;
        let meters = Meters::install(endpoint, resource)?;
        let export = traces.as_ref().map(|provider| {
            tracing_opentelemetry::layer().with_tracer(provider.tracer("gangway")).with_filter(exported())
        });
        Registry::default().with(export).with(log_layer(log)?).try_init().context("logs are set up already")?;
        panic::install_hook();
        Ok(Self { traces, meters })
    }

    /// What was measured.
    pub fn meters(&self) -> Meters {
        self.meters.clone()
    }

    /// Sends what is left, for some seconds at most.
    pub fn shut_down(self) {
        self.meters.shut_down();
        let Some(traces) = self.traces else { return };
        if let Err(error) = traces.shutdown_with_timeout(Duration::from_secs(2)) {
            tracing::warn!(error = %Chain(&error), "the last traces could not be sent");
        }
    }
}

fn log_layer<S>(log: &Log) -> anyhow::Result<Box<dyn Layer<S> + Send + Sync>>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    let filter: Targets = log.filter.parse().context("log.filter")?;
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    Ok(match log.format {
        LogFormat::Text => {
            let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
            layer.with_ansi(is_terminal).with_filter(filter).boxed()
        }
        LogFormat::Json => layer.json().flatten_event(true).with_span_list(false).with_filter(filter).boxed(),
    })
}

fn exported() -> Targets {
    let everything = Targets::new().with_default(LevelFilter::INFO);
    NOT_EXPORTED.iter().fold(everything, |targets, library| targets.with_target(*library, LevelFilter::OFF))
}

/// What names us to the collector: the login of its address, which no client sends by itself.
fn login(endpoint: &str) -> HashMap<String, String> {
    let Some(url) = url::Url::parse(endpoint).ok().filter(has_login) else { return HashMap::new() };
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let login = format!("{}:{}", decoded(url.username()), decoded(url.password().unwrap_or_default()));
    HashMap::from([("authorization".to_owned(), format!("Basic {}", BASE64.encode(login)))])
}

fn exporter(endpoint: &str, resource: Resource) -> anyhow::Result<SdkTracerProvider> {
    // The exporter's client needs the TLS provider that egress installs when its own client is built.
    gangway_egress::Client::new(gangway_egress::ClientConfig::default())?;
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{endpoint}/v1/traces"))
        .with_headers(login(endpoint))
        .with_timeout(Duration::from_secs(5))
        .build()
        // The library's text may hold the address with its login.
        .map_err(|_| anyhow::anyhow!("telemetry.otlp_endpoint: the exporter does not take this address"))?;
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
}
