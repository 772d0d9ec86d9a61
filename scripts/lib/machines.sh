# Sourced by scripts/test: two machines on one database, as network namespaces where they are to be had.

# two_machines: both sweep the same simulated PACS with eight workers a source each. No slice is asked twice, both do their
# part, the budgets hold for the two together, and the index is the truth. One alone would leave places for the other.
two_machines() {
    directory=$(scratch machines)
    local config=(--config "$directory/concord.yaml") host=127.0.0.1
    local pacs=() first=() second=()
    if make_namespaces; then
        host=10.77.0.1
        pacs=(ip netns exec concord-pacs) first=(ip netns exec concord-a) second=(ip netns exec concord-b)
        printf 'three network namespaces: the PACS and two machines\n'
    else
        printf 'no network namespaces here: two processes with configurations of their own\n'
    fi
    "${pacs[@]}" "$concord" simulate --studies 6000 --seed 9 --queries-per-second 4 --associations 10 --dir "$directory" --host "$host" >"$directory/simulator.log" 2>&1 &
    simulator=$!
    trap 'status=$?; stop "$simulator"; remove_namespaces; keep_or_remove "$status" "$directory"' EXIT
    trap 'exit 130' INT TERM
    wait_for "$simulator" 120 "${pacs[@]}" bash -c "$(declare -f listening simulator_is_up); simulator_is_up $directory $host" ||
        { cat "$directory/simulator.log"; return 1; }
    with_database "$directory" on_two_machines "$directory"
    verify "$directory"
    stop "$simulator"
    scripts/fleet check-budgets "$directory"
}

# on_two_machines DIR URL
on_two_machines() {
    local directory=$1 url=$2 helper
    # Another machine has a configuration of its own, which names the database.
    sed -e "s|^database:.*|database: \"postgresql:///concord?host=$(sed 's/.*host=\([^ ]*\).*/\1/' <<<"$url")\&user=concord\"|" \
        -e "s|^data_dir:.*|data_dir: $directory/other|" "$directory/concord.yaml" >"$directory/other.yaml"
    "${second[@]}" "$concord" work --workers 8 --config "$directory/other.yaml" >"$directory/work.log" 2>&1 &
    helper=$!
    local status=0
    in_time 600 "${first[@]}" "$concord" sweep --workers 8 --config "$directory/concord.yaml" || status=$?
    stop "$helper"
    [ "$status" = 0 ] || { cat "$directory/work.log"; return "$status"; }
    in_time 300 "$concord" reconcile --config "$directory/concord.yaml"
    local shares
    shares=$(psql -XqAt -d "$url" -c "SELECT split_part(worker, ' ', 1), count(*), count(*) FILTER (WHERE attempt > 1) FROM slice
        WHERE worker IS NOT NULL GROUP BY 1 ORDER BY 1")
    printf 'machine|slices|asked twice\n%s\n' "$shares"
    [ "$(wc -l <<<"$shares")" = 2 ] && ! grep -qv '|0$' <<<"$shares"
}

make_namespaces() {
    command -v ip >/dev/null && [ "$(id -u)" = 0 ] || return 1
    remove_namespaces
    ip netns add concord-pacs 2>/dev/null || return 1
    {
        ip netns exec concord-pacs ip link set lo up && ip netns exec concord-pacs ip link add bridge type bridge && ip netns exec concord-pacs ip addr add 10.77.0.1/24 dev bridge &&
            ip netns exec concord-pacs ip link set bridge up && join_namespace concord-a 10.77.0.2 && join_namespace concord-b 10.77.0.3
    } 2>/dev/null || { remove_namespaces; return 1; }
}

# join_namespace NAME ADDRESS
join_namespace() {
    ip netns add "$1" && ip netns exec "$1" ip link set lo up && ip link add "veth-$1" netns "$1" type veth peer name "to-$1" netns concord-pacs &&
        ip netns exec "$1" ip addr add "$2/24" dev "veth-$1" && ip netns exec "$1" ip link set "veth-$1" up &&
        ip netns exec concord-pacs ip link set "to-$1" master bridge && ip netns exec concord-pacs ip link set "to-$1" up
}

remove_namespaces() {
    local name
    for name in concord-a concord-b concord-pacs; do ip netns delete "$name" 2>/dev/null || true; done
}
