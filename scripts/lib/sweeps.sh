# Sourced by scripts/test: sweeps of simulated and of real PACS, judged by their truth. Needs $concord.

# in_time SECONDS COMMAND…: a hang is a failure with a name.
in_time() {
    timeout --kill-after=20 "$@" || {
        local status=$?
        printf "'%s' ended with %d\n" "${*:2}" "$status" >&2
        return "$status"
    }
}

# What is left of a stage: gone when it passed, kept and named when it did not.
keep_or_remove() {
    if [ "$1" = 0 ]; then rm -rf "$2"; else printf 'kept for inspection: %s\n' "$2"; fi
}

verify() { in_time 120 scripts/verify-truth --truth "$1/truth.json" --concord "$concord" --config "$1/concord.yaml" "${@:2}"; }

# swept_and_true DIR: one sweep, what it proves and finds, and that this is the truth; then a second sweep of the
# unchanged archives, after which all of it must still hold.
swept_and_true() {
    local directory=$1 pass
    local config=(--config "$directory/concord.yaml")
    in_time 60 "$concord" migrate "${config[@]}"
    for pass in first second; do
        printf '%s sweep\n' "$pass"
        in_time 900 "$concord" sweep "${config[@]}"
        in_time 300 "$concord" reconcile "${config[@]}"
        verify "$directory"
    done
    in_time 60 "$concord" coverage "${config[@]}" --format json >"$directory/coverage.json"
    in_time 120 "$concord" report "${config[@]}" --out "$directory/report"
    ls -l "$directory/report"
}

# One C-FIND by UID at every real peer: its answer is one line of DICOM JSON.
live_finds() {
    local directory=$1 name uid
    while read -r name uid; do
        local found
        found=$(in_time 60 "$concord" find "$name" -k "StudyInstanceUID=$uid" -k PatientName= --config "$directory/concord.yaml")
        [ "$(grep -c "$uid" <<<"$found")" = 1 ] || { printf 'concord find %s %s: %s\n' "$name" "$uid" "$found"; return 1; }
    done < <("$concord_venv/bin/python" - "$directory/truth.json" <<'PYTHON'
import json, sys
seen = set()
for study in json.load(open(sys.argv[1]))["studies"]:
    for copy in study["copies"]:
        if copy["source"] not in seen:
            seen.add(copy["source"])
            print(copy["source"], study["study_uid"])
PYTHON
    )
}

# The patients of simulated PACS, which reach the studies without a date, and their series.
patients_and_series() {
    local directory=$1
    local config=(--config "$directory/concord.yaml")
    printf 'by patient\n'
    in_time 900 "$concord" sweep --by-patient "${config[@]}"
    verify "$directory" --undated
    printf 'series\n'
    in_time 900 "$concord" sweep --level series "${config[@]}"
    verify "$directory" --undated --series
}

# nights DIR: studies arrive, one is corrected, some are deleted at the real PACS; the nights that follow find just that. A
# deletion is believed after the second of them.
nights() {
    local directory=$1 night
    scripts/fleet change "$directory"
    cat >"$directory/nightly.yaml" <<'YAML'
name: nightly
time: 10m
steps:
  - { step: recent, days: 7 }
  - { step: history }
  - { step: reconcile }
YAML
    for night in 1 2; do
        printf 'night %d\n' "$night"
        PGOPTIONS="-c concord.skew=${night}day" in_time 900 "$concord" sweep "$directory/nightly.yaml" --config "$directory/concord.yaml"
    done
    with_database "$directory" scripts/fleet check-changes "$directory"
}

# with_database DIR COMMAND…: runs the command with the database's URL as its last argument.
with_database() {
    local directory=$1 url status=0
    shift
    coproc holder { "$concord" database-url --config "$directory/concord.yaml"; }
    local input=${holder[1]} pid=$holder_PID
    read -r url <&"${holder[0]}"
    "$@" "$url" || status=$?
    eval "exec $input>&-"
    wait "$pid" || true
    return "$status"
}
