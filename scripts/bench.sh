#!/usr/bin/env bash
# Measures the platform on a PostgreSQL of its own, each figure beside its limit or peer from the same run; docs/benchmarks.md
# explains the parts and keeps the figures. Arguments name parts (sync, memory, api, jobs, fairness, footprint, budget); none for all.
# `sandbox` measures the sandbox alone: the floor under every other figure.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/require.sh
source scripts/postgres.sh

PEER=graphile-worker@0.18.0

folder='' postgres=''

clean_up() {
    trap - EXIT INT TERM HUP
    [[ -z $postgres ]] || kill -QUIT "$postgres" 2>/dev/null || true
    [[ -z $postgres ]] || wait "$postgres" 2>/dev/null || true
    [[ -z $folder ]] || rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

require_rust
if [[ ${1:-} == sandbox ]]; then
    shift
    (($# > 0)) || set -- 250 20000 200000
    for people in "$@"; do
        cargo run --quiet --release --locked -p gangway-sandbox --example throughput -- "$people"
    done
    exit
fi

missing=()
postgres_programs >/dev/null || missing+=(postgresql)
{ command -v node && command -v npm; } >/dev/null || missing+=(nodejs npm)
((${#missing[@]} == 0)) || install_packages "${missing[@]}"

# What ships, and beside it the program that measures; the latter may differ in features.
cargo build --profile dist --locked --bin gangway
cargo build --release --locked -p gangway-tests --bin gangway-bench
target=$(target_dir)
export GANGWAY_BENCH_BINARY=${GANGWAY_BENCH_BINARY:-$target/dist/gangway}

# Outside the checkout, and once.
export GANGWAY_BENCH_PEER=${XDG_CACHE_HOME:-$HOME/.cache}/gangway/bench/$PEER
if [[ ! -d $GANGWAY_BENCH_PEER/node_modules/graphile-worker ]]; then
    mkdir -p "$GANGWAY_BENCH_PEER"
    npm install --silent --no-fund --no-audit --prefix "$GANGWAY_BENCH_PEER" "$PEER" ||
        fail "the peer $PEER could not be installed from the npm registry"
fi

folder=$(mktemp -d "${TMPDIR:-/tmp}/gangway-bench.XXXXXX")
chmod 0711 "$folder"
mkdir "$folder/postgres"
service_user
# Durable, as it would be in production.
start_postgres "$(postgres_programs)" -c shared_buffers=512MB -c autovacuum_naptime=10s
export GANGWAY_TEST_REQUIRE_DATABASES=1

"$target/release/gangway-bench" "$@"
