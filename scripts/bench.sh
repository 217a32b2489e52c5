#!/usr/bin/env bash
# Measures how fast the sandbox serves people, and what starting it costs: every benchmark against it is bounded by these
# figures. Give numbers of people to measure other companies; the largest of the usual ones takes 5 GB of memory.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/require.sh

require_rust
if [ $# -eq 0 ]; then
  set -- 250 20000 200000
fi
for people in "$@"; do
  cargo run --quiet --release --locked -p gangway-sandbox --example throughput -- "$people"
done
