//! Every log line and span of the process as text, whatever their level: what an exporter or a collector could get to see.

use std::{
    fmt::{Debug, Write as _},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use tracing::{
    Event, Id, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Record},
};
use tracing_subscriber::{Layer, layer::Context, layer::SubscriberExt as _, registry::LookupSpan};

/// Collected logs and spans.
#[derive(Debug, Clone, Default)]
pub struct LogCapture(Arc<Mutex<String>>);

static INSTALLED: OnceLock<LogCapture> = OnceLock::new();

impl LogCapture {
    /// Begins to collect in this process; a second call answers the same collection.
    pub fn install() -> Self {
        INSTALLED
            .get_or_init(|| {
                let capture = Self::default();
                let subscriber = tracing_subscriber::registry().with(capture.clone());
                let outcome = tracing::subscriber::set_global_default(subscriber);
                outcome.expect("nothing else installs a subscriber in the test binary");
                capture
            })
            .clone()
    }

    /// What was collected so far.
    pub fn text(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn write(&self, kind: &str, record: impl FnOnce(&mut dyn Visit)) {
        let mut line = Line(String::new());
        record(&mut line);
        let mut text = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(text, "{kind}{}", line.0).expect("a string takes everything");
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for LogCapture {
    fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        let metadata = attributes.metadata();
        self.write(&format!("span {} {}", metadata.target(), metadata.name()), |visit| attributes.record(visit));
    }

    fn on_record(&self, _: &Id, values: &Record<'_>, _: Context<'_, S>) {
        self.write("recorded", |visit| values.record(visit));
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        self.write(&format!("{} {}", metadata.level(), metadata.target()), |visit| event.record(visit));
    }
}

struct Line(String);

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        write!(self.0, " {}={value}", field.name()).expect("a string takes everything");
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        write!(self.0, " {}={value}", field.name()).expect("a string takes everything");
        let mut next = value.source();
        while let Some(error) = next {
            write!(self.0, ": {error} / {error:?}").expect("a string takes everything");
            next = error.source();
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {}={value:?}", field.name()).expect("a string takes everything");
    }
}
