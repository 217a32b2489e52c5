#!/usr/bin/env bash
# Records rows of every table as this version writes them, for tests/it/upgrade: a demo lives a short day and ends by SIGKILL in the middle of a
# run. Once for each schema that was ever released, before the next migration is written. Argument: the file to write.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/require.sh

folder='' demo=''

clean_up() {
    trap - EXIT INT TERM HUP
    [[ -z $demo ]] || kill -KILL "$demo" 2>/dev/null || true
    [[ -z $folder ]] || rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

require_rust
for tool in curl python3; do command -v "$tool" >/dev/null || install_packages "$tool"; done
(($# == 1)) || fail "name the file to write: tests/it/upgrade/samples/MIGRATION.json"
cargo build --locked --bin gangway
folder=$(mktemp -d "${TMPDIR:-/tmp}/gangway-record.XXXXXX")
# The samples name these; the test puts its own sandbox in their place.
url=http://127.0.0.1:18080 sandbox=http://127.0.0.1:18081

log_says() {
    grep -qi "$1" "$folder/log"
}

start() {
    "$(target_dir)/debug/gangway" demo --people 3 --seed 3 --listen "${url#http://}" --sandbox-listen "${sandbox#http://}" \
        --data "$folder/data" >"$folder/log" 2>&1 </dev/null &
    demo=$!
    wait_until "$demo" log_says 'first sync complete' || fail 'the demo did not finish its first sync'
}

ask() {
    local method=$1 path=$2
    shift 2
    curl -fsS -X "$method" "$url$path" -H "Authorization: Bearer $tenant_key" -H 'Content-Type: application/json' "$@"
}

# Ids in an answer of the API: pick PREFIX, or of the object in `data` whose FIELD is VALUE.
pick() {
    python3 -c 'import json, sys
data = json.load(sys.stdin)["data"]
print(next(it["id"] for it in data if it[sys.argv[1]] == sys.argv[2]))' "$1" "$2"
}

has_ended() {
    ! ask GET "/v1/syncs/$1/runs?limit=1" | grep -q '"state":"running"'
}

sync_now() {
    ask POST "/v1/syncs/$employees/runs" -d "{\"mode\": \"$1\"}" >/dev/null
    wait_until "$demo" has_ended "$employees"
}

start
operator_key=$(grep -oE 'gwo_[a-z0-9]+' "$folder/log" | head -n 1)
tenant=$(curl -fsS "$url/v1/tenants" -H "Authorization: Bearer $operator_key" | grep -oE 'ten_[0-9a-f]{32}' | head -n 1)
every='["audit:read","proxy:read","keys:write","connections:read","connections:write","records:read","sensitive:read"]'
tenant_key=$(curl -fsS "$url/v1/keys" -H "Authorization: Bearer $operator_key" -H "Gangway-Tenant: $tenant" -H 'Idempotency-Key: recorded' \
    -H 'Content-Type: application/json' -d "{\"name\": \"recorded\", \"scopes\": $every}" | grep -oE 'gwt_[a-z0-9]+')
connection=$(ask GET /v1/connections | grep -oE 'con_[0-9a-f]{32}' | head -n 1)
employees=$(ask GET /v1/syncs | pick stream employees)
attendances=$(ask GET /v1/syncs | pick stream attendances)
salary=$(ask GET "/v1/connections/$connection/attributes" | pick key fix_salary)

# A sealed attribute, a change, a leaver, and a batch of deletions that waits for a human.
ask PATCH "/v1/connections/$connection/attributes" -d "{\"data\": [{\"id\": \"$salary\", \"selected\": true}]}" >/dev/null
wait_until "$demo" has_ended "$employees"
read -r -a people < <(curl -fsS "$sandbox/_sandbox/people" | python3 -c 'import json, sys
print(*[person["id"] for person in json.load(sys.stdin)["people"]])')
curl -fsS -X PATCH "$sandbox/_sandbox/people/${people[0]}" -H 'Content-Type: application/json' -d '{"last_name": "Renamed"}' >/dev/null
sync_now incremental
curl -fsS -X DELETE "$sandbox/_sandbox/people/${people[1]}" >/dev/null
sync_now full
for person in "${people[0]}" "${people[2]}"; do curl -fsS -X DELETE "$sandbox/_sandbox/people/$person" >/dev/null; done
sync_now full
ask POST "/v1/connections/$connection/check" >/dev/null
ask POST "/v1/syncs/$attendances/runs" -d '{"mode": "full"}' >/dev/null
kill -KILL "$demo"
wait "$demo" 2>/dev/null || true
demo=''

python3 - "$folder/data" "$operator_key" "$tenant_key" >"$1" <<'PYTHON'
import json
import pathlib
import sqlite3
import sys

data, operator_key, tenant_key = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
database = sqlite3.connect(data / "gangway.sqlite")
names = [row[0] for row in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")]
schema = database.execute("SELECT max(version) FROM seaql_migrations").fetchone()[0]


def shown(value):
    return {"hex": value.hex()} if isinstance(value, bytes) else value


tables = []
for name in names:
    cursor = database.execute(f"SELECT * FROM {name}")
    rows = cursor.fetchall()
    if name == "seaql_migrations" or not rows:
        continue
    columns = json.dumps([column[0] for column in cursor.description])
    lines = ",\n".join("      " + json.dumps([shown(value) for value in row], ensure_ascii=False) for row in rows)
    tables.append(f'    "{name}": {{"columns": {columns}, "rows": [\n{lines}\n    ]}}')
head = {"schema": schema, "master_key": (data / "master.key").read_text().strip(), "operator_key": operator_key, "tenant_key": tenant_key}
print("{")
for name, value in head.items():
    print(f"  {json.dumps(name)}: {json.dumps(value)},")
print('  "tables": {\n' + ",\n".join(tables) + "\n  }\n}")
PYTHON
printf 'recorded %s\n' "$1"
