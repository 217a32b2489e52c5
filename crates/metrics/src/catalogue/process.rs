//! The process itself.

use super::instruments;
use crate::definition::{Definition, Label, Unit};

instruments! {
    /// The build.
    BUILD: Gauge<1> = Definition {
        name: "gangway.build.info",
        unit: Unit::Of("{build}"),
        about: "Always 1; its label says which version this is",
        look: "two versions for long: a rollout hangs",
        labels: [Label::named("version", "this binary's version")],
    };
    /// The start.
    STARTED: Gauge<0> = Definition {
        name: "process.start_time",
        unit: Unit::Seconds,
        about: "When the process started, in seconds since 1970",
        look: "changes often: it crashes or is killed; its last log lines say why",
        labels: [],
    };
    /// Memory.
    MEMORY: Gauge<0> = Definition {
        name: "process.resident_memory",
        unit: Unit::Bytes,
        about: "Memory in use (Linux)",
        look: "grows for days: please report it",
        labels: [],
    };
    /// Descriptors.
    DESCRIPTORS: Gauge<0> = Definition {
        name: "process.open_fds",
        unit: Unit::Of("{descriptor}"),
        about: "Open file descriptors (Linux)",
        look: "near the process's limit: raise it, or look for clients that do not close their connections",
        labels: [],
    };
    /// CPU.
    CPU: Seconds<0> = Definition {
        name: "process.cpu",
        unit: Unit::Seconds,
        about: "CPU time used (Linux)",
        look: "",
        labels: [],
    };
}
