# Sourced by scripts/test: processes killed while they work. Needs $concord, and the functions of scripts/test.

# killed_sweeps: a sweep of the simulated PACS, killed again and again at random moments, and the database with it now and
# then, ends with the index that is the truth, each copy entered once.
killed_sweeps() {
    local kills=${CONCORD_KILLS:-12} seed=${CONCORD_SEED:-7} kill status postmaster
    directory=$(scratch faults)
    "$concord" simulate --studies 3000 --seed "$seed" --dir "$directory" >"$directory/simulator.log" 2>&1 &
    simulator=$!
    trap 'status=$?; stop "$simulator"; keep_or_remove "$status" "$directory"' EXIT
    trap 'exit 130' INT TERM
    wait_for "$simulator" 120 simulator_is_up "$directory" || { cat "$directory/simulator.log"; return 1; }
    local config=(--config "$directory/concord.yaml")
    RANDOM=$seed
    for ((kill = 1; kill <= kills; kill++)); do
        "$concord" sweep "${config[@]}" >"$directory/sweep.log" 2>&1 &
        sleep "$((RANDOM % 2)).$((RANDOM % 10))$((RANDOM % 10))"
        kill -KILL $! 2>/dev/null || true
        status=0
        wait $! 2>/dev/null || status=$?
        [ "$status" = 137 ] || [ "$status" = 0 ] || { cat "$directory/sweep.log"; return 1; }
        if [ $((kill % 4)) = 0 ]; then
            postmaster=$(head -1 "$(cluster_of "$directory")/postmaster.pid")
            kill -KILL "$postmaster"
            printf 'kill %d: sweep and PostgreSQL\n' "$kill"
        else
            printf 'kill %d: sweep, %s\n' "$kill" "$(head -1 "$directory/sweep.log")"
        fi
    done
    in_time 900 "$concord" sweep "${config[@]}"
    in_time 300 "$concord" reconcile "${config[@]}"
    verify "$directory"
    entered_once "$directory"
}

# The embedded cluster's files: below the data directory, or, as root where PostgreSQL's user cannot enter it, elsewhere.
cluster_of() {
    local local_cluster="$1/data/postgres/cluster"
    if [ -e "$local_cluster/postmaster.pid" ]; then printf '%s' "$local_cluster"; else ls -dt /var/lib/concord/*/cluster | head -1; fi
}

# entered_once DIR: nothing changed at the sources, so that each copy has one entry in the change feed.
entered_once() { with_database "$1" counted_once; }

counted_once() {
    local counts
    counts=$(psql -XqAt -d "$1" -c 'SELECT count(*), (SELECT count(*) FROM observation) FROM change')
    printf 'changes|copies: %s\n' "$counts"
    [ "${counts%|*}" = "${counts#*|}" ]
}
