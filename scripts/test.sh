#!/usr/bin/env bash
# Runs the tests with a PostgreSQL and a Redis of their own, on free loopback ports and in a temporary folder.
# Nothing that already runs on the machine is used or touched, and nothing is left behind.
# Arguments go to cargo nextest (or cargo test): -p gangway-vault, a test's name, …
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/require.sh

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

# The folder with PostgreSQL's programs: Debian keeps them out of the PATH, one folder per version.
postgres_programs() {
    local initdb
    for initdb in $(printf '%s\n' /usr/lib/postgresql/*/bin/initdb | sort -rV) "$(command -v initdb || true)"; do
        if [[ -x $initdb && -x $(dirname "$initdb")/postgres ]]; then
            dirname "$initdb"
            return
        fi
    done
    return 1
}

# PostgreSQL refuses to run as root. Redis comes along, so that neither can read anything else.
as_user=()
service_user() {
    [[ $(id -u) == 0 ]] || return 0
    local user
    for user in postgres nobody; do
        if id "$user" >/dev/null 2>&1; then
            as_user=(setpriv "--reuid=$user" "--regid=$(id -g "$user")" --clear-groups --)
            chown "$user" "$folder/postgres" "$folder/redis"
            return
        fi
    done
    fail "PostgreSQL must not run as root, and there is no user postgres or nobody to run it as"
}

start_postgres() {
    local programs=$1 password port
    password=$(random_hex)
    # Beside its data, so that tests that search what the server wrote find both.
    local log=$folder/postgres/postgres.log
    printf '%s\n' "$password" >"$folder/postgres/password"
    chmod 0644 "$folder/postgres/password"
    (cd "$folder/postgres" && "${as_user[@]}" "$programs/initdb" --pgdata=data --username=gangway --auth=scram-sha-256 \
        --pwfile=password --encoding=UTF8 --locale=C --no-sync >initdb.log 2>&1) ||
        fail "initdb failed: $(tail -n 3 "$folder/postgres/initdb.log")"
    for _ in {1..5}; do
        port=$(free_port)
        # No socket in a folder: its path may be longer than the system takes. The write-ahead log is kept for as long as a test
        # runs that searches it.
        (cd "$folder/postgres" && exec "${as_user[@]}" "$programs/postgres" -D data -h 127.0.0.1 -p "$port" -k '' \
            -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=300 \
            -c shared_buffers=128MB -c max_wal_size=2GB -c wal_keep_size=512MB) >"$log" 2>&1 &
        postgres=$!
        if wait_until "$postgres" "$programs/pg_isready" -q -h 127.0.0.1 -p "$port"; then
            export GANGWAY_TEST_POSTGRES_URL="postgres://gangway:$password@127.0.0.1:$port/postgres"
            export GANGWAY_TEST_POSTGRES_DATA=$folder/postgres
            return
        fi
        kill -QUIT "$postgres" 2>/dev/null || true
        wait "$postgres" 2>/dev/null || true
    done
    fail "PostgreSQL did not start: $(tail -n 3 "$log")"
}

start_redis() {
    local port
    for _ in {1..5}; do
        port=$(free_port)
        (cd "$folder/redis" && exec "${as_user[@]}" redis-server --bind 127.0.0.1 --port "$port" --save '' \
            --appendonly no) >"$folder/redis.log" 2>&1 &
        redis=$!
        if wait_until "$redis" redis-cli -h 127.0.0.1 -p "$port" ping; then
            export GANGWAY_TEST_REDIS_URL="redis://127.0.0.1:$port/"
            return
        fi
        kill -TERM "$redis" 2>/dev/null || true
        wait "$redis" 2>/dev/null || true
    done
    fail "Redis did not start: $(tail -n 3 "$folder/redis.log")"
}

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
start_postgres "$(postgres_programs)"
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
