# Sourced by scripts/test: whatever was answered is in the audit trail, though the server is killed. Needs $concord.

# audited ROUNDS: in a shell of its own, whose end stops the server.
audited() (
    directory=$(scratch audit)
    port=$("$concord_venv/bin/python" -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')
    config="$directory/concord.yaml"
    printf 'sources:\n  - { name: pacs-a, ae_title: PACSA, host: 127.0.0.1, port: 1, issuer: HOSP-A }\nserver:\n  http: { port: %s }\n' \
        "$port" >"$config"
    key=$("$concord" keys create --name audited --scope query --config "$config")
    server=
    trap 'status=$?; [ -z "$server" ] || stop "$server"; keep_or_remove "$status" "$directory"' EXIT
    serve() {
        "$concord" serve --log-level trace --config "$config" >>"$directory/serve.log" 2>&1 &
        server=$!
        wait_for "$server" 60 curl -sf "http://127.0.0.1:$port/readyz"
    }
    for ((round = 0; round < $1; round++)); do
        serve
        "$concord_venv/bin/python" scripts/lib/audited.py "http://127.0.0.1:$port" "$key" 30 "$directory/answered" &
        asking=$!
        sleep "1.$((RANDOM % 10))"
        kill -9 "$server"
        wait "$server" || true
        wait "$asking"
    done
    # Asked to stop, it answers what is under way.
    serve
    "$concord_venv/bin/python" scripts/lib/audited.py "http://127.0.0.1:$port" "$key" 30 "$directory/answered" &
    asking=$!
    sleep 1
    kill -TERM "$server"
    wait "$server"
    server=
    wait "$asking"
    "$concord" audit verify --config "$config"
    "$concord" audit export --config "$config" |
        sed -n 's/.*<ParticipantObjectQuery>\([^<]*\)<.*/\1/p' | base64 -d |
        grep -o 'ZZCANARY[0-9x]*' | sort >"$directory/audited"
    sort "$directory/answered" >"$directory/wanted"
    missing=$(comm -23 "$directory/wanted" "$directory/audited" | wc -l)
    printf '%d answers, %d of them not in the trail\n' "$(wc -l <"$directory/wanted")" "$missing"
    [ "$missing" = 0 ]
    [ -s "$directory/wanted" ]
    # And the log names nobody, nor the key.
    if grep -e ZZCANARY -e "$(cut -d_ -f3 <<<"$key")" "$directory/serve.log"; then return 1; fi
)
