#!/usr/bin/env bash
# Everything a reviewer should not have to say: formatting, tidy, clippy, licences and sources, documentation.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/require.sh

require_rust
cargo fmt --all --check
cargo xtask tidy
cargo clippy --workspace --all-targets --locked -- -D warnings
if cargo deny --version >/dev/null 2>&1; then
    cargo deny --locked check --hide-inclusion-graph bans licenses sources
else
    printf 'skipped: cargo deny (licences, bans, sources); cargo install --locked cargo-deny --version 0.20.2\n'
fi
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --quiet
