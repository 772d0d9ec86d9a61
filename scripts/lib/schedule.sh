# Sourced by scripts/test: jobs that run at their times, and sources that are paused. Needs faults.sh.

# scheduled DIR: of two schedulers one leads; what was missed is caught up once; when the leader is killed, the other one
# goes on with its run.
scheduled() {
    mkdir "$1/jobs"
    printf '%s\n' 'name: nightly' 'schedule: "0 * * * *"' 'steps:' '  - { step: dates }' '  - { step: reconcile }' >"$1/jobs/nightly.yaml"
    with_database "$1" catch_up_once "$1"
    verify "$1"
}

# catch_up_once DIR URL
catch_up_once() {
    local directory=$1 url=$2 first second status=0
    "$concord" migrate --config "$directory/concord.yaml"
    # The scheduler knows the job since five hours ago, and has run it never since.
    psql -XqAt -d "$url" -c "INSERT INTO scheduled_job (job, seen) VALUES ('nightly', now() - interval '5 hours')"
    start_scheduler first "$directory"
    wait_for "$first" 30 grep -q 'starts the run' "$directory/first.log" || { cat "$directory/first.log"; return 1; }
    start_scheduler second "$directory"
    wait_for "$second" 60 some_slices "$url" || { cat "$directory"/*.log; return 1; }
    kill -KILL "$first"
    wait "$first" 2>/dev/null || true
    wait_for "$second" 60 grep -q 'goes on with the run' "$directory/second.log" || { cat "$directory/second.log"; return 1; }
    wait_for "$second" 300 has_ended "$url" || { cat "$directory/second.log"; return 1; }
    # A stopped scheduler ends well.
    kill -TERM "$second"
    wait "$second" || status=$?
    grep nightly "$directory"/first.log "$directory"/second.log
    psql -Xqt -d "$url" -c "SELECT count(*), min(outcome) FROM scheduled_run"
    [ "$status" = 0 ] && [ "$(psql -XqAt -d "$url" -c 'SELECT count(*), count(ended) FROM scheduled_run')" = '1|1' ] &&
        [ "$(psql -XqAt -d "$url" -c 'SELECT count(*) FROM job_run')" = 1 ]
}

# start_scheduler NAME DIR: its process id is in the variable of that name.
start_scheduler() {
    "$concord" schedule --config "$2/concord.yaml" --jobs "$2/jobs" >"$2/$1.log" 2>&1 &
    printf -v "$1" %d $!
}

has_ended() { [ "$(psql -XqAt -d "$1" -c 'SELECT count(ended) FROM scheduled_run')" = 1 ]; }

# paused DIR: what a person pauses is asked nothing more within five seconds, by anybody; resumed, the sweep ends as ever.
paused() {
    with_database "$1" pause_and_resume "$1"
    verify "$1"
}

# pause_and_resume DIR URL
pause_and_resume() {
    local directory=$1 url=$2 sweeper before after status=0
    local config=(--config "$directory/concord.yaml")
    "$concord" sweep "${config[@]}" >"$directory/sweep.log" 2>&1 &
    sweeper=$!
    wait_for "$sweeper" 60 some_slices "$url" || { cat "$directory/sweep.log"; return 1; }
    "$concord" sources pause pacs-a "${config[@]}"
    sleep 5
    before=$(asked "$url" pacs-a)
    sleep 4
    after=$(asked "$url" pacs-a)
    printf 'pacs-a: %s slices ended 5 s after the pause, %s 4 s later, associations|leased slices %s\n' "$before" "$after" "$(held "$url" pacs-a)"
    [ "$before" = "$after" ] && [ "$(held "$url" pacs-a)" = '0|0' ] || return 1
    "$concord" sources resume pacs-a "${config[@]}"
    wait "$sweeper" || status=$?
    [ "$status" = 0 ] || { cat "$directory/sweep.log"; return 1; }
    [ "$(asked "$url" pacs-a)" -gt "$after" ] || return 1
    in_time 300 "$concord" reconcile "${config[@]}"
}

# asked URL SOURCE, held URL SOURCE
asked() { psql -XqAt -d "$1" -c "SELECT count(ended) FROM slice JOIN source s ON s.id = source_id WHERE s.name = '$2'"; }
held() {
    psql -XqAt -d "$1" -c "SELECT (SELECT count(*) FROM source_lease l JOIN source s ON s.id = l.source_id WHERE s.name = '$2'),
        (SELECT count(*) FROM slice l JOIN source s ON s.id = l.source_id WHERE s.name = '$2' AND l.state = 'leased')"
}
