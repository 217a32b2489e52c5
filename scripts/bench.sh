#!/usr/bin/env bash
# Measures how fast the sandbox serves people: every benchmark against it is bounded by this figure.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/require.sh

require_rust
exec cargo run --release --locked -p gangway-sandbox --example throughput -- "$@"
