#!/usr/bin/env bash
# Lints and renders the chart with real Helm 3 and 4, checks what comes out against Kubernetes' schemas, and feeds it values that can't work.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/require.sh
source scripts/python.sh

bin=$(python_with helm tests/helm/requirements.txt)
"$bin/python" tests/helm/check.py "${bin%/bin}/helms"
