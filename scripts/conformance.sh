#!/usr/bin/env bash
# Holds a running demo against its own OpenAPI document, with tools that are not ours: openapi-spec-validator for the
# document, schemathesis for the answers of every operation, as the demo's tenant and as its operator within that tenant.
# Before that, clients of the vendor that others wrote run against the sandbox (tests/conformance/clients).
# Arguments go to schemathesis: --max-examples 200, --include-path-regex employees, …
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/require.sh
source scripts/python.sh

root=$PWD
folder='' demo='' vendor=''

clean_up() {
    trap - EXIT INT TERM HUP
    local process
    for process in $demo $vendor; do
        kill -TERM "$process" 2>/dev/null || true
        wait "$process" 2>/dev/null || true
    done
    [[ -z $folder ]] || rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# Clients of the vendor that others wrote, unchanged but for the base URL, against a sandbox of their own: each compares what it was
# given with what the sandbox says it has.
clients() {
    local client
    "$gangway" sandbox personio --people 120 --seed 7 --no-rate-limit --listen 127.0.0.1:0 >"$folder/sandbox.log" 2>&1 </dev/null &
    vendor=$!
    wait_until "$vendor" grep -q ^client_secret= "$folder/sandbox.log" || fail "no sandbox: $(tail -n 3 "$folder/sandbox.log")"
    said() {
        sed -n "s/^$1=//p" "$folder/sandbox.log"
    }
    for client in personio_py_v1 personio_client_v2; do
        part "client of others: $client"
        GANGWAY_SANDBOX_URL=$(said base_url) GANGWAY_SANDBOX_CLIENT_ID=$(said client_id) \
            GANGWAY_SANDBOX_CLIENT_SECRET=$(said client_secret) timeout 120 \
            "$clients_bin/python" -B "tests/conformance/clients/$client.py" || failed+=("client of others: $client")
    done
}

# Every operation, reads and writes, and chains along the links. Arguments: whose key, the key, the tenant that an operator's acts for
# (or nothing), then more for schemathesis.
check() {
    local -x GANGWAY_CONFORMANCE_AS=$1 GANGWAY_CONFORMANCE_KEY=$2 GANGWAY_CONFORMANCE_TENANT=$3
    local headers=(--header "Authorization: Bearer $2")
    [[ -z $3 ]] || headers+=(--header "Gangway-Tenant: $3")
    shift 3
    part "links as $GANGWAY_CONFORMANCE_AS"
    "$bin/python" tests/conformance/links.py "$url" || failed+=("links as $GANGWAY_CONFORMANCE_AS")
    part "schemathesis as $GANGWAY_CONFORMANCE_AS"
    ask --phases examples,coverage,fuzzing --seed 20250101 "$@"
    # A chain of requests ends where the same one is answered differently than before, as by a server that remembers it
    # is: many short searches find more than a long one.
    for seed in {20250101..20250104}; do
        part "schemathesis as $GANGWAY_CONFORMANCE_AS, along the links from seed $seed"
        ask --phases stateful --seed "$seed" "$@"
    done
}

# It keeps a folder where it runs. Server errors are among the statuses that hooks.py looks at.
ask() {
    (cd "$folder" && PYTHONPATH=$root/tests/conformance SCHEMATHESIS_HOOKS=hooks \
        "$bin/schemathesis" --config-file "$root/tests/conformance/schemathesis.toml" run "$url/openapi.json" --url "$url" \
        "${headers[@]}" \
        --checks allowed_status,status_code_conformance,content_type_conformance,response_schema_conformance \
        --request-timeout 30 --no-color --continue-on-failure "$@") || failed+=("schemathesis as $GANGWAY_CONFORMANCE_AS: $*")
}

part() {
    printf '\n== %s\n' "$*"
}

log_says() {
    grep -qi "$1" "$folder/demo.log"
}

require_rust
command -v curl >/dev/null || install_packages curl
bin=$(python_with conformance tests/conformance/requirements.txt)
clients_bin=$(python_with clients tests/conformance/clients/requirements.txt)
# The binary that the tests start, with the features that they build it with: after `make test` there is nothing to compile.
cargo build --workspace --locked --bin gangway-under-test
gangway=$(target_dir)/debug/gangway-under-test
folder=$(mktemp -d "${TMPDIR:-/tmp}/gangway-conformance.XXXXXX")
url=http://127.0.0.1:$(free_port)
sandbox=http://127.0.0.1:$(free_port)
GANGWAY__API__KEY_REQUESTS=0 GANGWAY__API__OPERATOR_KEY_REQUESTS=0 GANGWAY__API__ADDRESS_REQUESTS=0 \
    "$gangway" demo --people 40 --seed 1 --listen "${url#http://}" \
    --sandbox-listen "${sandbox#http://}" --data "$folder/data" >"$folder/demo.log" 2>&1 </dev/null &
demo=$!
if ! wait_until "$demo" curl -fsS "$url/readyz" || ! wait_until "$demo" log_says 'first sync complete'; then
    tail -n 20 "$folder/demo.log" >&2
    fail "the demo did not finish its first sync"
fi
operator_key=$(grep -oE 'gwo_[A-Za-z0-9]+' "$folder/demo.log" | head -n 1 || true)
tenant_key=$(grep -oE 'gwt_[A-Za-z0-9]+' "$folder/demo.log" | head -n 1 || true)
[[ -n $operator_key && -n $tenant_key ]] || fail "the demo printed no keys"
connection=$(curl -fsS -H "Authorization: Bearer $tenant_key" "$url/v1/connections" | grep -oE 'con_[0-9a-f]{32}' | head -n 1)
tenant=$(curl -fsS -H "Authorization: Bearer $operator_key" "$url/v1/tenants" | grep -oE 'ten_[0-9a-f]{32}' | head -n 1)
# The demo's key has nothing that is guarded; an operator can give it.
every='["audit:read","proxy:read","keys:write","connections:read","connections:write","records:read","sensitive:read"]'
tenant_key=$(curl -fsS "$url/v1/keys" -H "Authorization: Bearer $operator_key" -H "Gangway-Tenant: $tenant" \
    -H 'Content-Type: application/json' -d "{\"name\": \"conformance\", \"scopes\": $every}" | grep -oE 'gwt_[A-Za-z0-9]+')
export GANGWAY_CONFORMANCE_CONNECTION=$connection GANGWAY_CONFORMANCE_VENDOR=$sandbox
export GANGWAY_CONFORMANCE_KEPT="$connection $tenant $(curl -fsS -H "Authorization: Bearer $tenant_key" "$url/v1/keys" | grep -oE 'key_[0-9a-f]{32}' | tr '\n' ' ')"

# Four of forty people gone at once: their deletion is held, and there is something to read.
sync=$(curl -fsS "$url/v1/syncs" -H "Authorization: Bearer $tenant_key" | grep -o 'syn_[0-9a-f]*' | head -n 1)
ids='import json, sys; print(*[person["id"] for person in json.load(sys.stdin)["people"][:4]])'
for person in $(curl -fsS "$sandbox/_sandbox/people" | "$bin/python" -c "$ids"); do
    curl -fsS -X DELETE "$sandbox/_sandbox/people/$person" >/dev/null
done
curl -fsS "$url/v1/syncs/$sync/runs" -H "Authorization: Bearer $tenant_key" -H 'Content-Type: application/json' \
    -d '{"mode": "full"}' >/dev/null
wait_until "$demo" curl -fsS "$url/v1/syncs/$sync/held" -H "Authorization: Bearer $tenant_key" ||
    fail "the full run held nothing"

failed=()
clients
part 'openapi-spec-validator'
curl -fsS "$url/openapi.json" >"$folder/openapi.json"
"$bin/openapi-spec-validator" --schema 3.1 "$folder/openapi.json" || failed+=(openapi-spec-validator)

part 'walk over all objects'
GANGWAY_TENANT_KEY=$tenant_key GANGWAY_OPERATOR_KEY=$operator_key "$bin/python" tests/conformance/walk.py "$url" ||
    failed+=('walk over all objects')

check tenant "$tenant_key" '' "$@"
check operator "$operator_key" "$tenant" "$@"

part 'summary'
kill -0 "$demo" 2>/dev/null || failed+=('the demo died')
if ((${#failed[@]} > 0)); then
    printf 'failed: %s\n' "${failed[@]}"
    exit 1
fi
printf 'conformance: the document is valid, every operation keeps to it, and clients of others get what the sandbox has\n'
