# Sourced by the scripts: waiting for `concord simulate`.

# simulator_is_up DIR [HOST]: truth and configuration are written, and every port of the configuration accepts connections.
simulator_is_up() {
    local port ports
    [ -s "$1/truth.json" ] && [ -s "$1/concord.yaml" ] || return 1
    ports=$(sed -n 's/^    port: *//p' "$1/concord.yaml")
    [ -n "$ports" ] || return 1
    for port in $ports; do listening "${2:-127.0.0.1}" "$port" || return 1; done
}
