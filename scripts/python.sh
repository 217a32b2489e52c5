# shellcheck shell=bash
# Sourced by the other scripts, after require.sh: Python with packages of exact versions.

# A kept environment with exactly the pinned packages; made anew when the pins change. Arguments: its name, the file of pins.
# Prints the folder with its programs.
python_with() {
    local pins=$2 environment sum
    sum=$(cksum <"$pins")
    environment=${XDG_CACHE_HOME:-$HOME/.cache}/gangway/$1-${sum%% *}
    if [[ ! -e $environment/complete ]]; then
        command -v python3 >/dev/null || install_packages python3 python3-venv
        python3 -c 'import ensurepip, venv' 2>/dev/null || install_packages python3-venv
        rm -rf "$environment"
        python3 -m venv "$environment" >&2
        "$environment/bin/pip" install --quiet --disable-pip-version-check --requirement "$pins" >&2
        touch "$environment/complete"
    fi
    printf '%s\n' "$environment/bin"
}
