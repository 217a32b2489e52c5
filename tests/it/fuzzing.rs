//! Everything that reads what strangers send holds for some thousand damaged inputs; `make fuzz` tries millions.

use std::time::Duration;

use crate::fuzz::{
    engine::{Budget, Outcome, Report, run, try_one},
    targets,
};

/// Inputs per target: a second or two.
const INPUTS: u64 = 3_000;

#[test]
fn no_target_panics() {
    for target in targets::all() {
        let report = run(&target, Budget::Inputs(INPUTS), 7, &mut |line| println!("{line}"));
        assert_eq!(report.n_panics, 0, "{}\n{report}", Report::HEAD);
    }
}

#[test]
fn a_panic_is_found_and_told() {
    let target = targets::Target {
        name: "planted",
        seeds: || vec![b"{\"a\":1}".to_vec()],
        run: |input| {
            assert!(!input.contains(&0xff), "planted");
            0
        },
    };
    assert!(matches!(try_one(&target, b"\xff"), Outcome::Panicked(reason) if reason == "planted"));
    let report = run(&target, Budget::Time(Duration::from_secs(1)), 7, &mut |_| {});
    assert!(report.n_panics > 0 && !report.is_good(), "{report}");
    for finding in &report.findings {
        std::fs::remove_file(finding).unwrap();
    }
}
