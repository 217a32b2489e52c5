#!/usr/bin/env bash
# Builds the release binary and starts the demo: API, worker, scheduler and a Personio sandbox in one process.
# Arguments go to `gangway demo`.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/require.sh

require_rust
cargo build --release --locked --bin gangway
exec "$(target_dir)/release/gangway" demo "$@"
