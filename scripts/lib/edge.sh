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
        printf 'data_dir: site-data\n'
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
    # The site's audit trail comes home, all of it.
    stop "$edge"
    rm -rf "$directory/site-audit"
    cp -r "$directory/site-data/audit" "$directory/site-audit"
    "$concord" audit collect "$directory/site-audit" --config "$directory/publish.yaml"
    "$concord" audit verify --config "$directory/publish.yaml"
)

# What a power cut could come between.
written='write,pwrite64,fsync,ftruncate,rename,unlink,unlinkat,rmdir,mkdir'

# killed_at NUMBER COMMAND…: killed as one of its threads makes its Nth such call. 0: it was; 1: it had ended well before.
killed_at() {
    local number=$1 status=0
    shift
    # In a shell of its own, which says there that it was killed.
    (
        strace -f -qqq -o /dev/null -e "trace=$written" -e "inject=$written:signal=KILL:when=$number" "$@"
        exit $?
    ) >"$directory/killed.log" 2>&1 || status=$?
    case $status in
        137) return 0 ;;
        0) return 1 ;;
        *) cat "$directory/killed.log" >&2; return 2 ;;
    esac
}

# killed_while_writing POINTS DIR: site and publisher, killed at up to POINTS points each; whatever is left verifies, and goes
# on to the newest generation. The database runs on, so that only Concord is traced and killed.
killed_while_writing() {
    edge_site "$2"
    with_database "$2" kill_while_writing "$1" "$2"
}

# kill_while_writing POINTS DIR URL
kill_while_writing() {
    local points=$1 directory=$2 url=$3 number killed=0
    change_studies "$url" 1
    publish "$directory" >/dev/null
    for kind in new old damaged; do
        for ((number = 1; number <= points; number++)); do
            rm -rf "$directory/killed"
            [ "$kind" = new ] || cp -r "$directory/replica" "$directory/killed"
            [ "$kind" != damaged ] || damage "$directory/killed/everything/1/shard.sqlite"
            was_killed_at "$number" "$concord" edge sync --from "$directory/shards" --to "$directory/killed" \
                --config "$directory/site.yaml" || break
            killed=$((killed + 1))
            # What is damaged verifies once it is repaired.
            if [ "$kind" = old ] || { [ "$kind" = new ] && [ -e "$directory/killed/everything/CURRENT" ]; }; then
                quietly "$concord" edge verify "$directory/killed" --config "$directory/site.yaml"
            fi
            synced "$directory" "$directory/killed" 2
            quietly "$concord" edge verify "$directory/killed" --config "$directory/site.yaml"
            printf '\rsite killed %d times' "$killed"
        done
    done
    [ "$killed" -ge 20 ] || exit 1
    printf '\n'
    killed=0
    for ((number = 1; number <= points; number++)); do
        change_studies "$url" "$number"
        was_killed_at "$number" "$concord" shards publish --out "$directory/shards" --config "$directory/publish.yaml" || break
        killed=$((killed + 1))
        # What is out there is whole, whether it is the generation before or the new one.
        quietly scripts/read-shard "$directory/shards" everything --trust "$directory/keys/publisher.pub" \
            --key "$directory/keys/site-1.key" --out "$directory/read.sqlite"
        quietly "$concord" edge sync --from "$directory/shards" --to "$directory/replica" --config "$directory/site.yaml"
        printf '\rpublisher killed %d times' "$killed"
    done
    [ "$killed" -ge 20 ] || exit 1
    printf '\n'
    publish "$directory"
    synced "$directory" "$directory/replica" "$(sed -n 's/.*generation \([0-9]*\),.*/\1/p' "$directory/published")"
    quietly "$concord" edge verify "$directory/replica" --config "$directory/site.yaml"
    answers_agree "$directory"
}

# damage FILE: a page of it, and a byte of some others.
damage() {
    local size
    size=$(stat -c %s "$1")
    dd if=/dev/zero of="$1" bs=4096 seek=$((size / 8192)) count=1 conv=notrunc status=none
    printf X | dd of="$1" bs=1 seek=$((size / 3)) conv=notrunc status=none
    printf X | dd of="$1" bs=1 seek=$((size / 5)) conv=notrunc status=none
}

# Fails, and ends all, where neither: killed, or ended well.
was_killed_at() {
    local status=0
    killed_at "$@" || status=$?
    [ "$status" -le 1 ] || exit 1
    return "$status"
}

# What it says is shown where it fails.
quietly() { in_time 120 "$@" >"$directory/quiet.log" 2>&1 || { cat "$directory/quiet.log"; exit 1; }; }

publish() { in_time 300 "$concord" shards publish --out "$1/shards" --config "$1/publish.yaml" | tee "$1/published"; }

# synced DIR REPLICA GENERATION
synced() {
    quietly "$concord" edge sync --from "$1/shards" --to "$2" --config "$1/site.yaml"
    grep -q "generation $3" "$1/quiet.log" || { cat "$1/quiet.log"; exit 1; }
}

# killed_at_random KILLS DIR: publisher, sync and the site's server, killed at random moments while readers ask the site for all
# that it has. Each answer is one that the centre has given, whole, and none is older than one before it.
killed_at_random() {
    edge_site "$2"
    with_database "$2" kill_at_random "$1" "$2"
}

# kill_at_random KILLS DIR URL: in a shell of its own, whose end stops what it has started.
kill_at_random() (
    kills=$1 directory=$2 url=$3 killed=0 night=0 edge='' readers='' centre=''
    RANDOM=${CONCORD_SEED:-7}
    centre_url="http://127.0.0.1:$(port_of "$directory/publish.yaml" http)"
    edge_url="http://127.0.0.1:$(port_of "$directory/site.yaml" http)"
    trap 'for each in $readers $edge $centre; do stop "$each"; done' EXIT
    "$concord" serve --config "$directory/publish.yaml" >"$directory/serve.log" 2>&1 &
    centre=$!
    wait_for "$centre" 60 curl -sf "$centre_url/readyz" || { cat "$directory/serve.log"; exit 1; }
    readers_of checksum "$centre_url" >"$directory/checksums"
    serve_edge
    readers_of read "$edge_url" "$directory/checksums" "$directory/stop" >"$directory/readers.log" 2>&1 &
    readers=$!
    while [ "$killed" -lt "$kills" ]; do
        night=$((night + 1))
        change_studies "$url" "$night"
        readers_of checksum "$centre_url" >>"$directory/checksums"
        killed_after_a_while "$concord" shards publish --out "$directory/shards" --config "$directory/publish.yaml"
        killed_after_a_while "$concord" edge sync --from "$directory/shards" --to "$directory/replica" --config "$directory/site.yaml"
        if [ $((RANDOM % 5)) = 0 ]; then
            kill -KILL "$edge"
            wait "$edge" 2>/dev/null || true
            killed=$((killed + 1))
            serve_edge
        fi
        kill -0 "$readers" 2>/dev/null || break
        printf '\rkilled %d times in %d nights' "$killed" "$night"
    done
    printf '\n'
    publish "$directory"
    quietly "$concord" edge sync --from "$directory/shards" --to "$directory/replica" --config "$directory/site.yaml"
    sleep 1
    touch "$directory/stop"
    status=0
    wait "$readers" || status=$?
    readers=''
    cat "$directory/readers.log"
    [ "$status" = 0 ] || exit 1
    quietly "$concord" edge verify "$directory/replica" --config "$directory/site.yaml"
    [ "$(readers_of checksum "$edge_url")" = "$(tail -1 "$directory/checksums")" ]
)

readers_of() { PYTHONDONTWRITEBYTECODE=1 "$concord_venv/bin/python" scripts/lib/edge_readers.py "$1" "$2" "$(cat "$directory/key")" "${@:3}"; }

serve_edge() {
    "$concord" serve --edge "$directory/replica" --config "$directory/site.yaml" >"$directory/edge.log" 2>&1 &
    edge=$!
    wait_for "$edge" 60 curl -sf "$edge_url/readyz" || { cat "$directory/edge.log"; exit 1; }
}

# killed_after_a_while COMMAND…: at a random moment of the time that it takes; it may have ended well before. Counts in `killed`.
killed_after_a_while() {
    local victim status=0
    "$@" >"$directory/killed.log" 2>&1 &
    victim=$!
    sleep "0.$((RANDOM % 8))$((RANDOM % 10))"
    kill -KILL "$victim" 2>/dev/null || true
    wait "$victim" 2>/dev/null || status=$?
    case $status in
        137) killed=$((killed + 1)) ;;
        0) ;;
        *) cat "$directory/killed.log"; exit 1 ;;
    esac
}

# disk_faults DIR: a disk that is full at ever later moments of a sync, and one that fails from its Nth write or flush on. The
# sync ends with an error, what was served is served, and once the disk is well it goes on.
disk_faults() {
    local directory=$1 room number failed=0
    edge_site "$directory"
    with_database "$directory" change_and_publish "$directory"
    mkdir -p "$directory/full"
    for ((room = 16; ; room *= 2)); do
        as_root mount -t tmpfs -o "size=$(($(du -sk "$directory/replica" | cut -f1) + room))k,mode=0700,uid=$(id -u)" tmpfs "$directory/full"
        cp -r "$directory/replica/." "$directory/full"
        after_fault "$directory" "$concord" edge sync --from "$directory/shards" --to "$directory/full" --config "$directory/site.yaml" || break
        as_root umount "$directory/full"
        failed=$((failed + 1))
    done
    as_root umount "$directory/full"
    printf 'full disk: %d syncs failed and went on\n' "$failed"
    [ "$failed" -ge 3 ] || exit 1
    failed=0
    for ((number = 1; number <= 200; number++)); do
        rm -rf "$directory/full"
        cp -r "$directory/replica" "$directory/full"
        after_fault "$directory" strace -f -qqq -o /dev/null -e trace=pwrite64,fsync \
            -e "inject=pwrite64,fsync:error=EIO:when=$number+" \
            "$concord" edge sync --from "$directory/shards" --to "$directory/full" --config "$directory/site.yaml" || break
        failed=$((failed + 1))
    done
    printf 'broken disk: %d syncs failed and went on\n' "$failed"
    [ "$failed" -ge 3 ] || exit 1
}

# after_fault DIR COMMAND…: 0: the sync failed, a whole generation was served, and all was well afterwards; 1: it succeeded.
after_fault() {
    local directory=$1
    shift
    ! "$@" >"$directory/full.log" 2>&1 || return 1
    quietly "$concord" edge verify "$directory/full" --config "$directory/site.yaml"
    # The last flush may be the one that failed: then the new generation is there, and only a power cut could take it back.
    grep -q 'generation [12],' "$directory/quiet.log" || { cat "$directory/quiet.log" "$directory/full.log"; exit 1; }
    if mountpoint -q "$directory/full"; then as_root mount -o remount,size=64m "$directory/full"; fi
    synced "$directory" "$directory/full" 2
}

change_and_publish() {
    change_studies "$2" 1
    publish "$1"
}

# change_studies URL NUMBER: as a sweep would, a few studies of each source.
change_studies() {
    psql -XqAt -d "$1" -v ON_ERROR_STOP=1 >/dev/null <<SQL
BEGIN;
CREATE TEMP TABLE touched ON COMMIT DROP AS
    SELECT study_uid FROM study WHERE cardinality(source_ids) > 0 ORDER BY md5(study_uid || '$2') LIMIT 25;
UPDATE observation SET number_of_study_related_instances = '$2$2', instance_count = $2$2
WHERE study_uid IN (SELECT study_uid FROM touched) AND NOT 'number_of_study_related_instances' = ANY (coalesce(lossy, '{}'));
UPDATE study SET number_of_study_related_instances = '$2$2', instance_count = $2$2
WHERE study_uid IN (SELECT study_uid FROM touched);
INSERT INTO change (study_uid) SELECT study_uid FROM touched;
COMMIT;
SQL
}
