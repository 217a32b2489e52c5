#!/usr/bin/env bash
# Runs the tests with a PostgreSQL and a Redis of their own, on free loopback ports and in a temporary folder.
# Nothing that already runs on the machine is used or touched, and nothing is left behind.
# Arguments go to cargo nextest (or cargo test): -p gangway-vault, a test's name, …
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/require.sh
source scripts/postgres.sh
source scripts/redis.sh

folder='' postgres='' redis='' tests=''

clean_up() {
    trap - EXIT INT TERM HUP
    # The tests are a process group of their own, so that test binaries end with their runner.
    [[ -z $tests ]] || kill -TERM -- "-$tests" 2>/dev/null || true
    [[ -z $tests ]] || wait "$tests" 2>/dev/null || true
    # SIGQUIT ends PostgreSQL at once; its data is thrown away.
    [[ -z $postgres ]] || kill -QUIT "$postgres" 2>/dev/null || true
    [[ -z $redis ]] || kill -TERM "$redis" 2>/dev/null || true
    [[ -z $postgres ]] || wait "$postgres" 2>/dev/null || true
    [[ -z $redis ]] || wait "$redis" 2>/dev/null || true
    [[ -z $folder ]] || rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# Runs a command so that Ctrl-C and SIGTERM end it together with its children.
run_tests() {
    local status=0
    set -m
    "$@" </dev/null &
    tests=$!
    set +m
    wait "$tests" || status=$?
    tests=''
    ((status == 0)) || exit "$status"
}

require_rust
missing=()
postgres_programs >/dev/null || missing+=(postgresql)
{ command -v redis-server && command -v redis-cli; } >/dev/null || missing+=(redis-server)
((${#missing[@]} == 0)) || install_packages "${missing[@]}"

folder=$(mktemp -d "${TMPDIR:-/tmp}/gangway-test.XXXXXX")
chmod 0711 "$folder"
mkdir "$folder/postgres" "$folder/redis"
service_user
start_postgres "$(postgres_programs)" -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c shared_buffers=128MB \
    -c wal_keep_size=512MB
start_redis
# Nothing is left out from here on: a test that finds no database fails.
export GANGWAY_TEST_REQUIRE_DATABASES=1

scope=(--workspace)
for argument in "$@"; do
    case $argument in -p | -p?* | --package | --package=*) scope=() ;; esac
done
# A filter names tests, which documentation has not.
if (($# == 0)); then
    run_tests cargo test --doc --workspace --locked --quiet
fi
if cargo nextest --version >/dev/null 2>&1; then
    run_tests cargo nextest run --locked "${scope[@]}" "$@"
else
    run_tests cargo test --locked "${scope[@]}" "$@"
    # Nothing shows what passing tests print, so the table of .config/nextest.toml takes a run of its own.
    if (($# == 0)); then
        run_tests cargo test --locked --quiet -p gangway-tests --test it tenant_b_never_reaches_what_is_tenant_as -- --show-output
    fi
fi
