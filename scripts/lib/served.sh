# Sourced by scripts/test: `concord serve` before real PACS, asked by real clients. Needs $concord.

# served DIR: on an index that has swept the fleet in DIR. In a shell of its own, whose end stops the server.
served() (
    directory=$1
    read -r http dimse < <("$concord_venv/bin/python" -c '
import socket
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(each.getsockname()[1] for each in sockets))')
    config="$directory/served.yaml"
    {
        cat "$directory/concord.yaml"
        printf 'server:\n  http: { port: %s, origins: [https://viewer.example] }\n  deadline: 5s\n  dimse:\n    port: %s\n    allow:\n' "$http" "$dimse"
        printf '      - { ae_title: %s, address: 127.0.0.0/8 }\n' FINDSCU PYNETDICOM PACSA
    } >"$config"
    key=$("$concord" keys create --name clients --scope query --scope report --config "$config")
    "$concord" serve --config "$config" >"$directory/serve.log" 2>&1 &
    server=$!
    trap 'stop "$server"' EXIT
    wait_for "$server" 60 curl -sf "http://127.0.0.1:$http/readyz" || { cat "$directory/serve.log"; return 1; }
    PYTHONDONTWRITEBYTECODE=1 in_time 300 "$concord_venv/bin/python" scripts/lib/clients.py \
        "$directory" "http://127.0.0.1:$http" "$key" "$dimse" || { cat "$directory/serve.log"; return 1; }
    # Everything that /openapi.json allows is answered as it says, and nothing that it forbids.
    in_time 300 "$concord_venv/bin/schemathesis" run "http://127.0.0.1:$http/openapi.json" --header "Authorization: Api-Key $key" \
        --phases coverage,fuzzing --max-examples 20 --seed 1 --generation-database none --workers 2 >"$directory/schemathesis.log" ||
        { cat "$directory/schemathesis.log" "$directory/serve.log"; return 1; }
    grep -E 'generated|passed' "$directory/schemathesis.log"
)
