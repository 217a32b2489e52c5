# shellcheck shell=bash
# Sourced by the scripts that need a Redis of their own: $folder is theirs, $redis becomes the server's process id.

# Starts a private server in $folder/redis; nothing of it is written to disk.
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
