# shellcheck shell=bash
# Sourced by the scripts that need a PostgreSQL of their own: $folder is theirs, $postgres becomes the server's process id.

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
            chown "$user" "$folder"/*/
            return
        fi
    done
    fail "PostgreSQL must not run as root, and there is no user postgres or nobody to run it as"
}

# Starts a private server in $folder/postgres. Arguments: where its programs are, and settings for them.
start_postgres() {
    local programs=$1 password port
    shift
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
        # No socket in a folder: its path may be longer than the system takes.
        (cd "$folder/postgres" && exec "${as_user[@]}" "$programs/postgres" -D data -h 127.0.0.1 -p "$port" -k '' \
            -c max_connections=300 -c max_wal_size=2GB "$@") >"$log" 2>&1 &
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
