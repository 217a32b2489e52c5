//! What is logged of a panic: where, never its text, which may hold values.

use std::panic;

/// Replaces the hook that would print the panic's text.
pub(super) fn install_hook() {
    panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string).unwrap_or_default();
        let thread = std::thread::current();
        let thread = thread.name().unwrap_or("unnamed");
        tracing::error!(
            panic.location = location,
            thread.name = thread,
            "a thread panicked: this is a bug, please report it"
        );
    }));
}
