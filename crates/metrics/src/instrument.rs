//! The instruments: each finds its meter at its first value, so it can be a `static`.

use std::{fmt, sync::OnceLock, time::Duration};

use opentelemetry::{
    KeyValue, global,
    metrics::{self, Meter},
};

use crate::definition::{Definition, Facts, Kind, Label, Values};

/// Something of the catalogue.
pub trait Described: Sync {
    /// What the catalogue says of it.
    fn facts(&self) -> Facts<'_>;
    /// Shows zero for all that can be counted: a rate sees nothing of the event that a series begins with.
    fn begin(&self);
}

fn meter() -> Meter {
    global::meter("gangway")
}

/// Labels with their values. A value that a listed label does not have is a mistake in the program.
fn attributes<const N: usize>(labels: &[Label; N], values: [&'static str; N]) -> [KeyValue; N] {
    let mut pairs = labels.iter().zip(values);
    std::array::from_fn(|_| {
        let (label, value) = pairs.next().expect("as many values as labels");
        debug_assert!(
            !matches!(label.values, Values::Listed(listed) if !listed.contains(&value)),
            "{} has no value {value}",
            label.name
        );
        KeyValue::new(label.name, value)
    })
}

/// Calls back with every combination of values; not at all where a label's values are not listed.
fn each_listed<const N: usize>(labels: &[Label; N], mut with: impl FnMut([&'static str; N])) {
    let mut listed = [[].as_slice(); N];
    for (place, label) in listed.iter_mut().zip(labels) {
        let Values::Listed(values) = label.values else { return };
        *place = values;
    }
    let n_combinations: usize = listed.iter().map(|values| values.len()).product();
    for combination in 0..n_combinations {
        let mut rest = combination;
        with(listed.map(|values| {
            // Never none: without values there is no combination.
            let value = values.get(rest % values.len().max(1)).copied().unwrap_or_default();
            rest /= values.len().max(1);
            value
        }));
    }
}

macro_rules! instrument {
    ($(#[$doc:meta])* $name:ident, $kind:ident, $library:ty, |$definition:ident| $make:expr) => {
        $(#[$doc])*
        pub struct $name<const N: usize> {
            definition: Definition<N>,
            made: OnceLock<$library>,
        }

        impl<const N: usize> $name<N> {
            pub(crate) const fn new(definition: Definition<N>) -> Self {
                Self { definition, made: OnceLock::new() }
            }

            fn made(&self) -> &$library {
                self.made.get_or_init(|| {
                    let $definition = &self.definition;
                    $make.with_description($definition.about).with_unit($definition.unit.as_str()).build()
                })
            }
        }

        impl<const N: usize> fmt::Debug for $name<N> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($name)).field(&self.definition.name).finish()
            }
        }

        impl<const N: usize> Described for $name<N> {
            fn facts(&self) -> Facts<'_> {
                let Definition { name, unit, about, look, ref labels } = self.definition;
                Facts { name, kind: Kind::$kind, unit, about, look, labels }
            }

            fn begin(&self) {
                self.show_zero();
            }
        }
    };
}

instrument! {
    /// Counts what happens.
    Counter, Counter, metrics::Counter<u64>, |definition| meter().u64_counter(definition.name)
}

instrument! {
    /// Adds up seconds.
    Seconds, Counter, metrics::Counter<f64>, |definition| meter().f64_counter(definition.name)
}

instrument! {
    /// Counts what is under way.
    Level, Level, metrics::UpDownCounter<i64>, |definition| meter().i64_up_down_counter(definition.name)
}

instrument! {
    /// What was found at the last look.
    Gauge, Gauge, metrics::Gauge<i64>, |definition| meter().i64_gauge(definition.name)
}

instrument! {
    /// How long things take.
    Histogram, Histogram, metrics::Histogram<f64>,
    |definition| meter().f64_histogram(definition.name).with_boundaries(BOUNDARIES.to_vec())
}

/// From a cached answer to a long run, in seconds.
const BOUNDARIES: [f64; 17] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0, 600.0, 3_600.0];

impl<const N: usize> Counter<N> {
    fn show_zero(&self) {
        each_listed(&self.definition.labels, |values| self.add(0, values));
    }

    /// Counts so many.
    pub fn add(&self, n: u64, values: [&'static str; N]) {
        self.made().add(n, &attributes(&self.definition.labels, values));
    }
}

impl<const N: usize> Seconds<N> {
    fn show_zero(&self) {
        each_listed(&self.definition.labels, |values| self.add(Duration::ZERO, values));
    }

    /// Adds so many seconds.
    pub fn add(&self, duration: Duration, values: [&'static str; N]) {
        self.made().add(duration.as_secs_f64(), &attributes(&self.definition.labels, values));
    }
}

impl<const N: usize> Level<N> {
    #[expect(clippy::unused_self, reason = "what is not counted has no zero to begin with")]
    const fn show_zero(&self) {}

    /// One more, until the guard is dropped.
    #[must_use = "dropping the guard counts it as over"]
    pub fn enter(&'static self, values: [&'static str; N]) -> Entered<N> {
        self.made().add(1, &attributes(&self.definition.labels, values));
        Entered { level: self, values }
    }
}

/// Something under way, until it is dropped.
#[derive(Debug)]
pub struct Entered<const N: usize> {
    level: &'static Level<N>,
    values: [&'static str; N],
}

impl<const N: usize> Drop for Entered<N> {
    fn drop(&mut self) {
        self.level.made().add(-1, &attributes(&self.level.definition.labels, self.values));
    }
}

impl<const N: usize> Gauge<N> {
    #[expect(clippy::unused_self, reason = "what is not counted has no zero to begin with")]
    const fn show_zero(&self) {}

    /// What was found.
    pub fn set(&self, value: i64, values: [&'static str; N]) {
        self.made().record(value, &attributes(&self.definition.labels, values));
    }
}

impl<const N: usize> Histogram<N> {
    #[expect(clippy::unused_self, reason = "what is not counted has no zero to begin with")]
    const fn show_zero(&self) {}

    /// How long one took.
    pub fn record(&self, duration: Duration, values: [&'static str; N]) {
        self.made().record(duration.as_secs_f64(), &attributes(&self.definition.labels, values));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_of_listed_values_comes_once() {
        let labels = [Label::listed("a", &["1", "2"]), Label::listed("b", &["x", "y", "z"])];
        let mut found = Vec::new();
        each_listed(&labels, |values| found.push(values.concat()));
        found.sort_unstable();
        assert_eq!(found, ["1x", "1y", "1z", "2x", "2y", "2z"]);
        each_listed(&[Label::named("route", "somebody's")], |_| panic!("nobody knows its values"));
        let mut n = 0;
        each_listed(&[], |_| n += 1);
        assert_eq!(n, 1, "what has no label has one series");
    }
}
