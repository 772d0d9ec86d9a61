# Sourced by scripts/test and scripts/faults: shards published from a swept index, a site that syncs and serves them, and
# publisher and site killed at what they write. Needs $concord, and the functions of stages.sh, simulator.sh, sweeps.sh.

# edge_site DIR: from the index to a site that answers as the index does, with no database of its own.
edge_site() {
    local directory=$1
    in_time 900 "$concord" sweep --config "$directory/concord.yaml"
    edge_keys "$directory"
    in_time 300 "$concord" shards publish --out "$directory/shards" --config "$directory/publish.yaml"
    in_time 60 scripts/read-shard "$directory/shards" everything --trust "$directory/keys/publisher.pub" \
        --key "$directory/keys/site-1.key" --out "$directory/read.sqlite"
    in_time 60 "$concord" edge sync --from "$directory/shards" --to "$directory/replica" --config "$directory/site.yaml"
    in_time 60 "$concord" edge verify "$directory/replica" --config "$directory/site.yaml"
    answers_agree "$directory"
}

# edge_keys DIR: keys of both ends, and a configuration for each.
edge_keys() {
    local directory=$1 sources
    "$concord" keys publisher --out "$directory/keys" >/dev/null
    "$concord" keys site site-1 --out "$directory/keys" >/dev/null
    "$concord" keys create --name site --scope query --config "$directory/concord.yaml" >"$directory/key"
    sources=$(sed -n 's/^  - name: //p' "$directory/concord.yaml" | paste -sd ,)
    {
        grep -v '^server:' "$directory/concord.yaml" | sed '/^  http: {/d'
        printf 'server: { http: { port: %s } }\n' "$(free_port)"
        printf 'edge:\n  signing_key: keys/publisher.key\n'
        printf '  shards: [ { name: everything, sources: [%s] } ]\n' "$sources"
        printf '  sites: [ { name: site-1, shards: [everything], public_key: keys/site-1.pub } ]\n'
    } >"$directory/publish.yaml"
    {
        printf 'replica: { site: site-1, key: keys/site-1.key, trust: keys/publisher.pub, at_rest: accepted }\n'
        printf 'server:\n  http: { port: %s }\n' "$(free_port)"
        printf '  dimse: { port: %s, allow: [ { ae_title: FINDSCU } ] }\n' "$(free_port)"
    } >"$directory/site.yaml"
}

free_port() {
    "$concord_venv/bin/python" -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])'
}

port_of() { sed -n "s/.*$2.*port: \([0-9]*\).*/\1/p" "$1" | tail -1; }

# answers_agree DIR: the site and the centre are asked the same; in a shell of its own, whose end stops both.
answers_agree() (
    directory=$1
    "$concord" serve --config "$directory/publish.yaml" >"$directory/serve.log" 2>&1 &
    centre=$!
    "$concord" serve --edge "$directory/replica" --config "$directory/site.yaml" >"$directory/edge.log" 2>&1 &
    edge=$!
    trap 'stop "$centre"; stop "$edge"' EXIT
    centre_url="http://127.0.0.1:$(port_of "$directory/publish.yaml" http)"
    edge_url="http://127.0.0.1:$(port_of "$directory/site.yaml" http)"
    wait_for "$centre" 60 curl -sf "$centre_url/readyz" || { cat "$directory/serve.log"; return 1; }
    wait_for "$edge" 60 curl -sf "$edge_url/readyz" || { cat "$directory/edge.log"; return 1; }
    PYTHONDONTWRITEBYTECODE=1 in_time 300 "$concord_venv/bin/python" scripts/lib/edge_answers.py "$directory/truth.json" \
        "$centre_url" "$edge_url" "$(cat "$directory/key")" "$(port_of "$directory/site.yaml" dimse)" ||
        { cat "$directory/edge.log"; return 1; }
)

# What a power cut could come between.
written='write,pwrite64,fsync,ftruncate,rename,unlink,unlinkat,rmdir,mkdir'

# killed_at NUMBER COMMAND…: killed as one of its threads makes its Nth such call. 0: it was; 1: it had ended well before.
killed_at() {
    local number=$1 status=0
    shift
    strace -f -qqq -o /dev/null -e "trace=$written" -e "inject=$written:signal=KILL:when=$number" "$@" >"$directory/killed.log" 2>&1 || status=$?
    case $status in
        137) return 0 ;;
        0) return 1 ;;
        *) cat "$directory/killed.log" >&2; return 2 ;;
    esac
}

# killed_while_writing POINTS DIR: site and publisher, killed at POINTS points each, first at every one and then in longer
# steps; whatever is left verifies, and goes on to the newest generation.
killed_while_writing() {
    local points=$1 directory=$2 number killed=0 status generation
    [ -e "$directory/site.yaml" ] || edge_site "$directory"
    local sync=("$concord" edge sync --from "$directory/shards" --config "$directory/site.yaml" --to)
    in_time 300 "$concord" shards publish --out "$directory/shards" --config "$directory/publish.yaml"
    for ((number = 1, step = 1; killed < points; number += step)); do
        [ $((killed % 40)) != 39 ] || step=$((step * 2))
        rm -rf "$directory/killed"
        # Half of them have a generation already, and half are new.
        [ $((killed % 2)) = 0 ] || cp -r "$directory/replica" "$directory/killed"
        status=0
        killed_at "$number" "${sync[@]}" "$directory/killed" || status=$?
        [ "$status" != 2 ] || return 1
        [ "$status" = 0 ] || { [ $((killed % 2)) = 1 ] && break; }
        if [ -e "$directory/killed/everything/CURRENT" ]; then
            "$concord" edge verify "$directory/killed" --config "$directory/site.yaml" >"$directory/verify.log" 2>&1 || { cat "$directory/verify.log"; return 1; }
        elif [ $((killed % 2)) = 1 ]; then
            printf 'the generation that was served has gone\n'
            return 1
        fi
        "${sync[@]}" "$directory/killed" 2>"$directory/verify.log" || { cat "$directory/verify.log"; return 1; }
        grep -q 'generation 2' "$directory/verify.log" || { cat "$directory/verify.log"; return 1; }
        killed=$((killed + 1))
        printf '\rsite killed %d times' "$killed"
    done
    printf '\n'
    killed=0
    for ((number = 1, step = 1; killed < points; number += step)); do
        [ $((killed % 40)) != 39 ] || step=$((step * 2))
        status=0
        killed_at "$number" "$concord" shards publish --out "$directory/shards" --config "$directory/publish.yaml" || status=$?
        [ "$status" != 2 ] || return 1
        [ "$status" = 0 ] || break
        # What is out there is whole, whether it is the generation before or the new one.
        generation=$(in_time 60 scripts/read-shard "$directory/shards" everything --trust "$directory/keys/publisher.pub" \
            --key "$directory/keys/site-1.key" --out "$directory/read.sqlite") || { printf '%s\n' "$generation"; return 1; }
        "${sync[@]}" "$directory/replica" 2>"$directory/verify.log" || { cat "$directory/verify.log"; return 1; }
        killed=$((killed + 1))
        printf '\rpublisher killed %d times' "$killed"
    done
    printf '\n'
    in_time 300 "$concord" shards publish --out "$directory/shards" --config "$directory/publish.yaml"
    "${sync[@]}" "$directory/replica"
    in_time 60 "$concord" edge verify "$directory/replica" --config "$directory/site.yaml"
}
