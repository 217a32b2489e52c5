#!/usr/bin/env bash
# Tries damaged inputs on everything that reads what strangers send: a minute per target, or as the arguments say
# (--target NAME, --inputs N or --seconds N, --seed N, --replay FILE). See docs/fuzzing.md.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/require.sh

require_rust
cargo run --quiet --release --locked -p gangway-tests --bin gangway-fuzz -- "$@"
