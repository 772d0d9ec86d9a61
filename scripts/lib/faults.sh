# Sourced by scripts/test and scripts/faults: processes and the database killed while they work. Needs $concord, and the
# functions of stages.sh, simulator.sh and sweeps.sh.

# with_simulator STUDIES SEED RATE COMMAND…: runs the command, with the directory as its argument, on eight simulated PACS
# that allow RATE questions a second each.
with_simulator() {
    local studies=$1 seed=$2 rate=$3
    shift 3
    directory=$(scratch faults)
    "$concord" simulate --studies "$studies" --seed "$seed" --queries-per-second "$rate" --dir "$directory" >"$directory/simulator.log" 2>&1 &
    simulator=$!
    trap 'status=$?; stop "$simulator"; keep_or_remove "$status" "$directory"' EXIT
    trap 'exit 130' INT TERM
    wait_for "$simulator" 120 simulator_is_up "$directory" || { cat "$directory/simulator.log"; return 1; }
    "$@" "$directory"
}

# then_true DIR: what is left is done, the index is the truth, and everything was entered once.
then_true() {
    local config=(--config "$1/concord.yaml")
    in_time 900 "$concord" sweep "${config[@]}"
    in_time 300 "$concord" reconcile "${config[@]}"
    verify "$1"
    with_database "$1" counted_once
}

# Nothing changed at the sources, so that each copy has one entry in the change feed; and a slice ends once.
counted_once() {
    local counts
    counts=$(psql -XqAt -d "$1" -c 'SELECT count(*), (SELECT count(*) FROM observation) FROM change')
    printf 'changes|copies: %s\n' "$counts"
    [ "${counts%|*}" = "${counts#*|}" ]
}

# was_killed PID DIR: it was, or had ended well before. Counts in `killed`.
was_killed() {
    local status=0
    wait "$1" 2>/dev/null || status=$?
    case $status in
        137) killed=$((killed + 1)) ;;
        0) ;;
        *) cat "$2/sweep.log"; return 1 ;;
    esac
}

# killed_sweeps KILLS DIR: a sweep, killed again and again at random moments, and the database with it now and then.
killed_sweeps() {
    local kills=$1 directory=$2 kill sweeper killed=0
    RANDOM=${CONCORD_SEED:-7}
    for ((kill = 1; kill <= kills; kill++)); do
        "$concord" sweep --config "$directory/concord.yaml" >"$directory/sweep.log" 2>&1 &
        sweeper=$!
        sleep "$((RANDOM % 2)).$((RANDOM % 10))$((RANDOM % 10))"
        kill -KILL "$sweeper" 2>/dev/null || true
        was_killed "$sweeper" "$directory"
        [ $((kill % 4)) != 0 ] || kill_database "$(cluster_of "$directory")/postmaster.pid"
        # Once a run has ended well there is nothing left to interrupt: it begins anew.
        printf '\rkill %d of %d' "$kill" "$kills"
    done
    printf ', %d while it worked\n' "$killed"
    then_true "$directory"
}

# The sweep may have ended well, and the database with it.
kill_database() { [ ! -e "$1" ] || kill -KILL "$(head -1 "$1")" || true; }

# killed_at_messages LAST DIR: a sweep, killed as a thread of it sends its Nth message to the database or to a PACS, for
# N up to LAST: before, at and after every COMMIT. The database runs on, so that only Concord is traced and killed.
killed_at_messages() {
    with_database "$2" kill_at_messages "$1" "$2"
    then_true "$2"
}

# kill_at_messages LAST DIR URL: the leases of the killed run out at once, as waiting for each would take hours.
kill_at_messages() {
    local last=$1 directory=$2 database=$3 number killed=0
    # Slices are worked on by the same messages again and again: of those after the first hundred and sixty every seventh.
    for ((number = 1; number <= last; number += number < 160 ? 1 : 7)); do
        strace -f -qqq -o /dev/null -e trace=sendto -e "inject=sendto:signal=KILL:when=$number" \
            "$concord" sweep --config "$directory/concord.yaml" >"$directory/sweep.log" 2>&1 &
        was_killed $! "$directory" || return 1
        let_leases_run_out "$database"
        printf '\rkill at message %d of %d' "$number" "$last"
    done
    printf ', %d while it worked\n' "$killed"
}

# let_leases_run_out URL: those of slices and of associations.
let_leases_run_out() {
    psql -Xq -v ON_ERROR_STOP=1 -d "$1" -c "UPDATE slice SET lease_until = now() WHERE state = 'leased'" \
        -c 'UPDATE source_lease SET expires = now()'
}

# database_faults ROUNDS DIR: while a sweep works, its connections are cut and its database is stopped at once and started
# again. The sweep itself goes on, and ends well.
database_faults() {
    local rounds=$1 directory=$2 round sweeper status=0 cluster
    "$concord" sweep --config "$directory/concord.yaml" >"$directory/sweep.log" 2>&1 &
    sweeper=$!
    wait_for "$sweeper" 60 is_sweeping "$directory" || { cat "$directory/sweep.log"; return 1; }
    cluster=$(cluster_of "$directory")
    for ((round = 1; round <= rounds; round++)); do
        kill -0 "$sweeper" 2>/dev/null || break
        if [ $((round % 3)) = 0 ]; then
            restart_at_once "$cluster"
        else
            psql -XqAt -d "$(url_of "$cluster")" -c "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                WHERE application_name = 'concord' AND pid <> pg_backend_pid()" >/dev/null || true
        fi
        sleep 0.7
    done
    wait "$sweeper" || status=$?
    printf '%d rounds, the sweep ended with %d\n' "$((round - 1))" "$status"
    [ "$status" = 0 ] && [ "$round" -gt 3 ] || { cat "$directory/sweep.log"; return 1; }
    then_true "$directory"
}

is_sweeping() { some_slices "$(url_of "$(cluster_of "$1")")"; }

# some_slices URL: the sweep is under way.
some_slices() { [ "$(psql -XqAt -d "$1" -c "SELECT count(*) FROM slice WHERE state = 'complete'")" -gt 5 ]; }

restart_at_once() {
    local binaries
    binaries=$(dirname "$(ls -d /usr/lib/postgresql/*/bin/pg_ctl | tail -1)")
    as_owner "$1" "$binaries/pg_ctl" stop -D "$1" -m immediate -w -t 30 -s
    as_owner "$1" "$binaries/pg_ctl" start -D "$1" -w -t 60 -s -l "$(dirname "$1")/restart.log" \
        -o "-c listen_addresses= -c unix_socket_directories=$(sed -n 5p <<<"$postmaster_lines") -c port=5432"
}

# as_owner CLUSTER COMMAND…: as the user that the server runs as; remembers its postmaster.pid.
as_owner() {
    local cluster=$1 owner
    shift
    [ ! -e "$cluster/postmaster.pid" ] || postmaster_lines=$(cat "$cluster/postmaster.pid")
    owner=$(stat -c %U "$cluster")
    if [ "$owner" = "$(id -un)" ]; then (cd / && "$@"); else (cd / && setpriv --reuid="$owner" --regid="$(id -g "$owner")" --clear-groups "$@"); fi
}

url_of() { printf 'host=%s port=5432 user=concord dbname=concord' "$(sed -n 5p "$1/postmaster.pid")"; }

# The embedded cluster's files: below the data directory, or, as root where PostgreSQL's user cannot enter it, elsewhere.
cluster_of() {
    local local_cluster="$1/data/postgres/cluster"
    if [ -e "$local_cluster" ]; then printf '%s' "$local_cluster"; else ls -dt /var/lib/concord/*/cluster 2>/dev/null | head -1; fi
}
