# Sourced by the scripts: numbered steps with their times, and an end that stops what was started, by pid.

stages_passed=0
stages_failed=()
stage_number=0

# stage NAME COMMAND…: runs one step, says how long it took, and remembers whether it passed. Always succeeds, and must
# not be called in a condition: bash ignores `set -e` in all that a condition runs, and a failing step would go on.
stage() {
    local name=$1 started=$SECONDS status=0
    shift
    stage_number=$((stage_number + 1))
    printf '\n\033[1m%d. %s\033[0m\n' "$stage_number" "$name"
    set +e
    (set -e; "$@")
    status=$?
    set -e
    if [ "$status" = 0 ]; then
        stages_passed=$((stages_passed + 1))
        printf '   %s: passed in %d s\n' "$name" "$((SECONDS - started))"
    else
        stages_failed+=("$name")
        printf '   %s: FAILED (exit %d) after %d s\n' "$name" "$status" "$((SECONDS - started))"
    fi
}

# passed: whether no stage has failed so far.
passed() { [ "${#stages_failed[@]}" = 0 ]; }

# finish: says how it went, and exits with it.
finish() {
    printf '\n%d s' "$SECONDS"
    passed || printf '; failed: %s' "${stages_failed[*]}"
    printf '\n%d passed, %d failed\n' "$stages_passed" "${#stages_failed[@]}"
    if passed; then exit 0; else exit 1; fi
}

# stop PID: asks, waits up to 20 s, then insists.
stop() {
    local pid=$1 tries=0
    kill -TERM "$pid" 2>/dev/null || return 0
    while kill -0 "$pid" 2>/dev/null && [ "$tries" -lt 200 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
}

# wait_for PID SECONDS COMMAND…: until the command succeeds, for as long as the process lives.
wait_for() {
    local pid=$1 deadline=$((SECONDS + $2))
    shift 2
    until "$@" >/dev/null 2>&1; do
        kill -0 "$pid" 2>/dev/null || return 1
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.2
    done
}

# listening HOST PORT
listening() { (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null; }

# scratch NAME: a new directory that an unprivileged PostgreSQL can enter.
scratch() {
    local directory
    directory=$(mktemp -d "${TMPDIR:-/tmp}/concord-$1-XXXXXX")
    chmod 755 "$directory"
    printf '%s' "$directory"
}
