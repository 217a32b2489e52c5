#!/usr/bin/env bash
# Lints and renders the chart with real Helm 3 and 4, checks what comes out against Kubernetes' schemas, and feeds it values that can't work.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/require.sh

# A kept environment with exactly the pinned packages; made anew when the pins change.
prepare() {
    local pins=tests/helm/requirements.txt sum
    sum=$(cksum <"$pins")
    environment=${XDG_CACHE_HOME:-$HOME/.cache}/gangway/helm-${sum% *}
    [[ ! -e $environment/complete ]] || return 0
    command -v python3 >/dev/null || install_packages python3 python3-venv
    python3 -c 'import ensurepip, venv' 2>/dev/null || install_packages python3-venv
    rm -rf "$environment"
    python3 -m venv "$environment"
    "$environment/bin/pip" install --quiet --disable-pip-version-check --requirement "$pins"
    touch "$environment/complete"
}

prepare
"$environment/bin/python" tests/helm/check.py "$environment/helms"
