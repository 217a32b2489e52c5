#!/usr/bin/env bash
# Starts the platform as many processes: two APIs behind a balancer and three workers, over a PostgreSQL and a Redis of their own, with a
# sandbox vendor and a tenant whose syncs run every minute. Ctrl-C ends it and deletes everything it made.
# Arguments go to `gangway sandbox personio`: --people 1000, …
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/require.sh
source scripts/postgres.sh
source scripts/redis.sh

folder='' postgres='' redis='' processes=()

clean_up() {
    trap - EXIT INT TERM HUP
    ((${#processes[@]} == 0)) || kill -TERM "${processes[@]}" 2>/dev/null || true
    ((${#processes[@]} == 0)) || wait "${processes[@]}" 2>/dev/null || true
    [[ -z $postgres ]] || kill -QUIT "$postgres" 2>/dev/null || true
    [[ -z $redis ]] || kill -TERM "$redis" 2>/dev/null || true
    [[ -z $postgres$redis ]] || wait 2>/dev/null || true
    [[ -z $folder ]] || rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# Starts a process in the background. Arguments: its name, then the command.
start() {
    local name=$1
    shift
    # A group of its own: Ctrl-C would tell it to end at once, and it is to end in order.
    set -m
    "$@" >"$folder/log/$name" 2>&1 &
    set +m
    processes+=($!)
    printf '%-12s process %d, log %s\n' "$name" $! "$folder/log/$name"
}

# A member of the last answer.
member() {
    python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"
}

ask() {
    curl --silent --show-error --fail-with-body --header 'Content-Type: application/json' "$@"
}

require_rust
missing=()
postgres_programs >/dev/null || missing+=(postgresql)
{ command -v redis-server && command -v redis-cli; } >/dev/null || missing+=(redis-server)
command -v haproxy >/dev/null || missing+=(haproxy)
command -v python3 >/dev/null || missing+=(python3)
command -v curl >/dev/null || missing+=(curl)
((${#missing[@]} == 0)) || install_packages "${missing[@]}"
if [[ -z ${GANGWAY_BINARY:-} ]]; then
    cargo build --release --locked --bin gangway
    GANGWAY_BINARY=$(target_dir)/release/gangway
fi

folder=$(mktemp -d "${TMPDIR:-/tmp}/gangway-scale.XXXXXX")
chmod 0711 "$folder"
mkdir "$folder/postgres" "$folder/redis" "$folder/log"
service_user
programs=$(postgres_programs)
start_postgres "$programs" -c shared_buffers=128MB
start_redis

# The one login of docs/operations.md.
password=$(random_hex)
"$programs/psql" --quiet --set ON_ERROR_STOP=1 "$GANGWAY_TEST_POSTGRES_URL" <<SQL
CREATE ROLE gangway_scale LOGIN NOINHERIT CREATEROLE PASSWORD '$password';
CREATE DATABASE gangway OWNER gangway_scale;
SQL
server=${GANGWAY_TEST_POSTGRES_URL#*@}
export DATABASE_URL="postgres://gangway_scale:$password@${server%/*}/gangway"
export REDIS_URL=$GANGWAY_TEST_REDIS_URL
GANGWAY_MASTER_KEY=$(head -c 32 /dev/urandom | base64)
export GANGWAY_MASTER_KEY
vendor=$(free_port)
export GANGWAY__CONNECTOR__ALLOWED_ORIGINS=http://127.0.0.1:$vendor
"$GANGWAY_BINARY" migrate

start sandbox "$GANGWAY_BINARY" sandbox personio --listen "127.0.0.1:$vendor" "$@"
apis=()
for n in 1 2; do
    port=$(free_port)
    apis+=("$port")
    GANGWAY__ADMIN__LISTEN=off start "api-$n" "$GANGWAY_BINARY" api --listen "127.0.0.1:$port"
    wait_until "${processes[-1]}" curl --silent --fail "http://127.0.0.1:$port/readyz" ||
        fail "an API process did not start: $(tail -n 3 "$folder/log/api-$n")"
done
for n in 1 2 3; do
    GANGWAY__ADMIN__LISTEN=off start "worker-$n" "$GANGWAY_BINARY" worker
done

door=$(free_port)
cat >"$folder/haproxy.cfg" <<CONFIG
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    option redispatch
frontend door
    bind 127.0.0.1:$door
    default_backend apis
backend apis
    balance roundrobin
    option httpchk GET /readyz
    server api-1 127.0.0.1:${apis[0]} check inter 1s
    server api-2 127.0.0.1:${apis[1]} check inter 1s
CONFIG
start balancer haproxy -db -f "$folder/haproxy.cfg"
api=http://127.0.0.1:$door
wait_until "${processes[-1]}" curl --silent --fail "$api/readyz" || fail "the balancer did not start: $(tail -n 3 "$folder/log/balancer")"

operator=$("$GANGWAY_BINARY" key create --operator)
tenant=$(ask "$api/v1/tenants" --oauth2-bearer "$operator" --data '{"name": "Acme", "time_zone": "Europe/Berlin"}' | member id)
key=$(ask "$api/v1/keys" --oauth2-bearer "$operator" --header "Gangway-Tenant: $tenant" --data '{"name": "scale"}' | member key)
client_id=$(sed -n 's/^client_id=//p' "$folder/log/sandbox")
client_secret=$(sed -n 's/^client_secret=//p' "$folder/log/sandbox")
connection=$(ask "$api/v1/connections" --oauth2-bearer "$key" --data '{"connector": "personio", "name": "Personio",
  "config": {"base_url": "http://127.0.0.1:'"$vendor"'"},
  "credential": {"client_id": "'"$client_id"'", "client_secret": "'"$client_secret"'"}}' | member id)
ask "$api/v1/connections/$connection/check" --oauth2-bearer "$key" --request POST >/dev/null
ask "$api/v1/connections/$connection/discover" --oauth2-bearer "$key" --request POST >/dev/null
for stream in employees absences attendances; do
    sync=$(ask "$api/v1/syncs" --oauth2-bearer "$key" \
        --data '{"connection_id": "'"$connection"'", "stream": "'$stream'", "schedule": "every 1m"}' | member id)
    ask "$api/v1/syncs/$sync/runs" --oauth2-bearer "$key" --data '{"mode": "full"}' >/dev/null
done

printf '%s\n' '' "api: $api (two processes behind one balancer)" "sandbox vendor: http://127.0.0.1:$vendor" "operator key: $operator" \
    "tenant: $tenant" "tenant key: $key" "" \
    "  curl -s -H 'Authorization: Bearer $key' '$api/v1/employees?limit=2'" \
    "  curl -s -H 'Authorization: Bearer $key' '$api/v1/events?after=0'" \
    "  curl -s -H 'Authorization: Bearer $key' '$api/v1/connections/$connection/budget'" "" \
    "Kill any of the processes above and watch the others go on. Ctrl-C ends everything and deletes it."
# Whoever ends, the rest goes on.
wait
