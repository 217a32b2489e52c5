#!/usr/bin/env bash
# Holds a running demo against its own OpenAPI document, with tools that are not ours: openapi-spec-validator for the
# document, schemathesis for the answers of every operation, as the demo's tenant and as its operator within that tenant.
# Arguments go to schemathesis: --max-examples 200, --include-path-regex employees, …
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/require.sh

root=$PWD
folder='' demo=''

clean_up() {
    trap - EXIT INT TERM HUP
    [[ -z $demo ]] || kill -TERM "$demo" 2>/dev/null || true
    [[ -z $demo ]] || wait "$demo" 2>/dev/null || true
    [[ -z $folder ]] || rm -rf "$folder"
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# A kept environment with exactly the pinned packages; made anew when the pins change.
prepare_python() {
    local pins=tests/conformance/requirements.txt environment sum
    sum=$(cksum <"$pins")
    environment=${XDG_CACHE_HOME:-$HOME/.cache}/gangway/conformance-${sum% *}
    bin=$environment/bin
    [[ ! -e $environment/complete ]] || return 0
    command -v python3 >/dev/null || install_packages python3 python3-venv
    python3 -c 'import ensurepip, venv' 2>/dev/null || install_packages python3-venv
    rm -rf "$environment"
    python3 -m venv "$environment"
    "$bin/pip" install --quiet --disable-pip-version-check --requirement "$pins"
    touch "$environment/complete"
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
prepare_python
cargo build --locked --bin gangway
folder=$(mktemp -d "${TMPDIR:-/tmp}/gangway-conformance.XXXXXX")
url=http://127.0.0.1:$(free_port)
sandbox=http://127.0.0.1:$(free_port)
GANGWAY__API__KEY_REQUESTS=0 GANGWAY__API__OPERATOR_KEY_REQUESTS=0 GANGWAY__API__ADDRESS_REQUESTS=0 \
    "$(target_dir)/debug/gangway" demo --people 40 --seed 1 --listen "${url#http://}" \
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
printf 'conformance: the document is valid and every operation keeps to it\n'
