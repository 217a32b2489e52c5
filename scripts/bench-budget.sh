#!/usr/bin/env bash
# Measures a vendor's limit that many processes share: in real time over a Redis of its own, and whole hours with crises on a played Redis that
# runs the same scripts. docs/benchmarks.md explains and keeps the figures. Arguments name parts (shared-budget, budget-grid); none for both.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/require.sh
source scripts/redis.sh

folder='' redis=''

clean_up() {
    trap - EXIT INT TERM HUP
    [[ -z $redis ]] || kill -TERM "$redis" 2>/dev/null || true
    [[ -z $redis ]] || wait "$redis" 2>/dev/null || true
    [[ -z $folder ]] || rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

require_rust
{ command -v redis-server && command -v redis-cli; } >/dev/null || install_packages redis-server
(($# > 0)) || set -- shared-budget budget-grid

cargo build --release --locked -p gangway-tests --bin gangway-bench

folder=$(mktemp -d "${TMPDIR:-/tmp}/gangway-bench.XXXXXX")
mkdir "$folder/redis"
as_user=()
start_redis

"$(target_dir)/release/gangway-bench" "$@"
