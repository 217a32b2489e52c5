//! Where measured values leave the process: `/metrics` of the admin listener, and OTLP once a minute when a collector is set.

use std::time::Duration;

use anyhow::Context as _;
use opentelemetry::global;
use opentelemetry_otlp::{MetricExporter, Protocol, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{
    Resource,
    metrics::{PeriodicReader, SdkMeterProvider},
};
use prometheus::{Encoder as _, Registry, TextEncoder};

use super::Chain;

/// Between two exports over OTLP.
const PERIOD: Duration = Duration::from_mins(1);

/// Reads what was measured; clones read the same.
#[derive(Debug, Clone)]
pub struct Meters {
    registry: Registry,
    provider: SdkMeterProvider,
    is_exported: bool,
}

impl Meters {
    /// Installs the meters. Call it before anything is measured.
    pub(super) fn install(otlp_endpoint: Option<&str>, resource: Resource) -> anyhow::Result<Self> {
        let registry = Registry::new();
        let reader = opentelemetry_prometheus::exporter()
            .with_registry(registry.clone())
            .scope_info_enabled(false)
            .without_target_info()
            .build()
            .context("metrics")?;
        let mut provider = SdkMeterProvider::builder().with_reader(reader).with_resource(resource);
        if let Some(endpoint) = otlp_endpoint {
            let exporter = MetricExporter::builder()
                .with_http()
                .with_protocol(Protocol::HttpBinary)
                .with_endpoint(format!("{endpoint}/v1/metrics"))
                .with_headers(super::login(endpoint))
                .with_timeout(Duration::from_secs(5))
                .build()
                // The library's text may hold the address with its login.
                .map_err(|_| anyhow::anyhow!("telemetry.otlp_endpoint: the exporter does not take this address"))?;
            provider = provider.with_reader(PeriodicReader::builder(exporter).with_interval(PERIOD).build());
        }
        let provider = provider.build();
        global::set_meter_provider(provider.clone());
        gangway_metrics::all().for_each(gangway_metrics::Described::begin);
        Ok(Self { registry, provider, is_exported: otlp_endpoint.is_some() })
    }

    /// Whether they also leave by themselves, so that somebody must look now and then.
    pub fn is_exported(&self) -> bool {
        self.is_exported
    }

    /// Everything measured so far, in the Prometheus text format.
    ///
    /// # Errors
    /// When a value cannot be written, which would be a bug.
    pub fn text(&self) -> anyhow::Result<String> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text).context("metrics cannot be written")?;
        Ok(String::from_utf8(text)?)
    }

    pub(super) fn shut_down(self) {
        if let Err(error) = self.provider.shutdown_with_timeout(Duration::from_secs(2)) {
            tracing::warn!(error = %Chain(&error), "the last metrics could not be sent");
        }
    }
}
