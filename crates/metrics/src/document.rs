//! `docs/metrics.md`, made from the catalogue: `cargo xtask metrics > docs/metrics.md`.

use std::fmt::Write as _;

use crate::{
    catalogue::{Part, all, parts},
    definition::{Label, Values},
};

const HEAD: &str = "# Metrics

<!-- Made from crates/metrics/src/catalogue: `cargo xtask metrics > docs/metrics.md`. -->

`GET /metrics` of the admin listener (`admin.listen`, 127.0.0.1:9090 unless told otherwise) shows these in the Prometheus text format; the
public listener never does. With `telemetry.otlp_endpoint` they also leave over OTLP (HTTP, protobuf) to `/v1/metrics` there, once a minute.
[What to watch](operations.md#what-to-watch) has alerts.

No label holds text that a tenant, a client or a vendor chose, nor an id: the number of series does not grow with tenants, people or
attacks. What belongs to one tenant is in the API (`/v1/jobs`, `/v1/syncs`, `/v1/connections`) and in its event log.

Gauges over the whole database are read at a scrape, at most every ten seconds. Each process shows the same values: take their maximum, not
their sum. Everything else is this process's own.
";

/// The document.
pub fn markdown() -> String {
    let mut text = HEAD.to_owned();
    for Part { title, instruments } in parts() {
        write(
            &mut text,
            format_args!(
                "\n## {title}\n\n| Prometheus | OpenTelemetry | labels | what it is | when it is off |\n|---|---|---|---|---|\n"
            ),
        );
        for instrument in instruments {
            let facts = instrument.facts();
            let labels: Vec<_> = facts.labels.iter().map(|label| format!("`{}`", prometheus_label(label))).collect();
            write(
                &mut text,
                format_args!(
                    "| `{}` | `{}`, {}, `{}` | {} | {} | {} |\n",
                    facts.prometheus_name(),
                    facts.name,
                    facts.kind.as_str(),
                    facts.unit.as_str(),
                    or_dash(&labels.join(", ")),
                    facts.about,
                    or_dash(facts.look),
                ),
            );
        }
    }
    text += "\n## Labels\n\n| Prometheus | OpenTelemetry | values |\n|---|---|---|\n";
    let mut seen: Vec<Label> = Vec::new();
    for label in all().flat_map(|instrument| instrument.facts().labels.to_vec()) {
        if seen.contains(&label) {
            continue;
        }
        seen.push(label);
        let values = match label.values {
            Values::Listed(values) => format!("`{}`", values.join("`, `")),
            Values::Named(whose) => whose.to_owned(),
        };
        write(&mut text, format_args!("| `{}` | `{}` | {values} |\n", prometheus_label(&label), label.name));
    }
    text
}

fn prometheus_label(label: &Label) -> String {
    label.name.replace('.', "_")
}

fn or_dash(text: &str) -> &str {
    if text.is_empty() { "–" } else { text }
}

fn write(text: &mut String, piece: std::fmt::Arguments<'_>) {
    text.write_fmt(piece).expect("a string takes everything");
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_committed_document_is_the_catalogue() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/metrics.md");
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(committed == markdown(), "run `cargo xtask metrics > docs/metrics.md`");
    }

    #[test]
    fn names_are_unique_and_follow_the_conventions() {
        let mut names = BTreeSet::new();
        for facts in all().map(|instrument| instrument.facts()) {
            assert!(names.insert(facts.prometheus_name()), "{} is there twice", facts.name);
            let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || b"._".contains(&byte));
            assert!(is_plain(facts.name) && facts.labels.iter().all(|label| is_plain(label.name)), "{}", facts.name);
            let home = ["http.", "db.", "process.", "gangway."];
            assert!(home.iter().any(|home| facts.name.starts_with(home)), "{} has no home", facts.name);
        }
    }
}
