//! What is said of an instrument.

/// How values add up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down by what happens.
    Level,
    /// What was found at the last look.
    Gauge,
    /// How values are spread.
    Histogram,
}

impl Kind {
    /// Its name in the document.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Level => "up-down counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }

    /// What Prometheus calls it.
    pub const fn prometheus(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Level | Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// What a value counts or measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// Things of this name.
    Of(&'static str),
}

impl Unit {
    /// As UCUM and the OpenTelemetry conventions write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Seconds => "s",
            Self::Bytes => "By",
            Self::Of(what) => what,
        }
    }

    const fn suffix(self) -> &'static str {
        match self {
            Self::Seconds => "_seconds",
            Self::Bytes => "_bytes",
            Self::Of(_) => "",
        }
    }
}

/// Which values a label can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    /// These and no others.
    Listed(&'static [&'static str]),
    /// As many as the program names in another place.
    Named(&'static str),
}

/// A label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Label {
    /// Its name.
    pub name: &'static str,
    /// Its values.
    pub values: Values,
}

impl Label {
    pub(crate) const fn listed(name: &'static str, values: &'static [&'static str]) -> Self {
        Self { name, values: Values::Listed(values) }
    }

    pub(crate) const fn named(name: &'static str, whose: &'static str) -> Self {
        Self { name, values: Values::Named(whose) }
    }
}

/// An instrument with `N` labels.
#[derive(Debug, Clone, Copy)]
pub struct Definition<const N: usize> {
    /// Name by the OpenTelemetry conventions.
    pub name: &'static str,
    /// What a value counts or measures.
    pub unit: Unit,
    /// What it is, in one clause.
    pub about: &'static str,
    /// What to think or do when it is off.
    pub look: &'static str,
    /// Its labels, in the order in which their values are given.
    pub labels: [Label; N],
}

/// A definition without its type: what the document and checks read.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// Name by the OpenTelemetry conventions.
    pub name: &'static str,
    /// How values add up.
    pub kind: Kind,
    /// What a value counts or measures.
    pub unit: Unit,
    /// What it is.
    pub about: &'static str,
    /// What to think or do when it is off.
    pub look: &'static str,
    /// Its labels.
    pub labels: &'a [Label],
}

impl Facts<'_> {
    /// The name under which `/metrics` shows it.
    pub fn prometheus_name(&self) -> String {
        let name = self.name.replace('.', "_");
        let total = if self.kind == Kind::Counter { "_total" } else { "" };
        format!("{name}{}{total}", self.unit.suffix())
    }
}
