# shellcheck shell=bash
# Sourced by the other scripts: finds what a task needs, and says in one line what to do when it is missing.

fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

require_rust() {
    command -v cargo >/dev/null || fail "cargo is missing; install Rust from https://rustup.rs (the version is in rust-toolchain.toml)"
    # libsqlite3-sys and ring compile C.
    local compiler=${CC:-cc}
    command -v "${compiler%% *}" >/dev/null ||
        fail "a C compiler (${compiler%% *}) is missing; on Debian or Ubuntu: apt-get install build-essential"
}

# Installs Debian packages when that is possible, else names them. Arguments: packages.
install_packages() {
    if [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
        printf 'installing %s\n' "$*" >&2
        export DEBIAN_FRONTEND=noninteractive
        if ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@"; } </dev/null >/dev/null; then
            fail "apt-get could not install: $*"
        fi
    else
        fail "needed and not found: $*; on Debian or Ubuntu: sudo apt-get install $*"
    fi
}

# Where cargo puts what it builds, however that is configured.
target_dir() {
    cargo metadata --format-version 1 --no-deps | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p'
}

# A loopback port that nobody listens on now. Below 32768, where the system does not hand out ports by itself.
free_port() {
    local port
    for _ in {1..100}; do
        port=$((20000 + RANDOM % 12000))
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            printf '%s\n' "$port"
            return
        fi
    done
    fail "found no free port on 127.0.0.1"
}

# 128 random bits as hexadecimal digits.
random_hex() {
    od -An -N16 -tx1 /dev/urandom | tr -d ' \n'
}

# Waits up to 60 s until a command succeeds; gives up when a process is gone. Arguments: process id, command.
wait_until() {
    local process=$1
    shift
    for _ in {1..600}; do
        "$@" >/dev/null 2>&1 && return
        kill -0 "$process" 2>/dev/null || return 1
        sleep 0.1
    done
    return 1
}
