#!/usr/bin/env bash
# Checks the Prometheus configuration and the alert rules, and runs the rules' own tests.
# Needs promtool: uses the installed one, or on Debian and Ubuntu unpacks it from the package without installing a server.
set -euo pipefail
cd "$(dirname "$0")"

promtool=$(command -v promtool || true)
if [ -z "$promtool" ]; then
    command -v apt-get >/dev/null || { echo "promtool is missing: install Prometheus" >&2; exit 1; }
    folder="${XDG_CACHE_HOME:-$HOME/.cache}/broadsheet-promtool"
    promtool="$folder/usr/bin/promtool"
    if [ ! -x "$promtool" ]; then
        mkdir -p "$folder"
        [ "$(id -u)" != 0 ] || apt-get update -q >/dev/null
        (cd "$folder" && apt-get download -q prometheus >/dev/null)
        dpkg-deb --fsys-tarfile "$folder"/prometheus_*.deb | tar -x -C "$folder" ./usr/bin/promtool
        rm -f "$folder"/prometheus_*.deb
    fi
fi
"$promtool" check config prometheus.yml
"$promtool" test rules alerts_test.yaml
