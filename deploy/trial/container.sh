#!/usr/bin/env bash
# Builds the image and tries a container through its whole life, without an image registry and with a program that is already
# compiled:
#
#   deploy/trial/container.sh target/release/broadsheet
#
# It needs root, Debian and a minute. It leaves nothing running, and caches the base system in ~/.cache/broadsheet-deploy.
set -euo pipefail
cd "$(dirname "$0")/../.."
program=$(realpath "${1:?name the program: deploy/trial/container.sh target/release/broadsheet}")
image=localhost/broadsheet:trial
. deploy/trial/engine.sh

build_image() {
    podman build --format docker --network host --pull=never --tag "$image" . >"$work/build.log" 2>&1 \
        || { tail -20 "$work/build.log" >&2; fail "the image does not build"; }
    said "the image builds: $(($(podman image inspect "$image" --format '{{.Size}}') / 1000000)) MB," \
        "runs as $(podman image inspect "$image" --format '{{.User}}')"
}

# The same restrictions as in compose.yaml.
start() { # start VOLUME
    podman run --detach --name "$name" --init --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges \
        --memory 2g --volume "$1:/data" --publish 127.0.0.1::8080 "$image" >/dev/null
    api="http://$(podman port "$name" 8080/tcp | head -1)"
    wait_until_ready
}

inside() { podman exec "$name" "$@"; }
code_mails() { inside sh -c 'cat /data/mail/code.*.eml 2>/dev/null'; }

check_health() {
    curl -sf "$api/healthz" >/dev/null || fail "/healthz does not answer"
    said "/healthz and /readyz answer"
    if inside broadsheet health --help >/dev/null 2>&1; then
        inside broadsheet health >/dev/null || fail "broadsheet health says not ready"
        podman healthcheck run "$name" >/dev/null || fail "the engine finds it unhealthy"
        said "broadsheet health is content, and so is the engine"
    else
        echo "skipped: this program has no subcommand health yet"
    fi
}

check_confinement() {
    pid=$(podman inspect "$name" --format '{{.State.Pid}}')
    child=$(pgrep -P "$pid" -x broadsheet || echo "$pid")
    grep -qP '^Uid:\t10001\t10001\t10001\t10001$' "/proc/$child/status" || fail "it does not run as 10001"
    grep -q '^CapBnd:.*0000000000000000$' "/proc/$child/status" || fail "it has capabilities"
    grep -qP '^NoNewPrivs:\t1$' "/proc/$child/status" || fail "it can get privileges"
    grep -qP '^Seccomp:\t2$' "/proc/$child/status" || fail "no system call is filtered"
    for place in / /usr /etc /var; do
        if podman exec --user 0 "$name" touch "$place/x" 2>/dev/null; then fail "$place can be written"; fi
    done
    said "user 10001, no capabilities, no new privileges, filtered system calls, a read-only root"
}

check_stop() {
    began=$(date +%s%N)
    podman stop --time 40 "$name" >/dev/null
    took=$((($(date +%s%N) - began) / 1000000))
    [ "$(podman inspect "$name" --format '{{.State.ExitCode}}')" = 0 ] || fail "SIGTERM does not end it well"
    podman logs "$name" 2>&1 | grep -q '"drained"\|drained' || fail "it has not drained"
    podman rm "$name" >/dev/null
    said "SIGTERM drains it in $took ms"
}

copy_volume() { # copy_volume TO
    podman volume create "$1" >/dev/null
    cp -a "$(podman volume inspect "$name" --format '{{.Mountpoint}}')/." \
        "$(podman volume inspect "$1" --format '{{.Mountpoint}}')/"
}

check_backup() {
    copy_volume "$name-copy"
    start "$name-copy"
    sign_in
    is_there "$first" First || fail "the copy lacks a post"
    said "a copy of the stopped server's folder starts and has the post"
    podman rm --force --time 40 "$name" >/dev/null

    start "$name"
    sign_in
    is_there "$first" First || fail "a restart has lost a post"
    publish Second && second=$post
    podman kill --signal KILL "$name" >/dev/null
    podman wait "$name" >/dev/null
    copy_volume "$name-torn"
    podman rm "$name" >/dev/null
    for volume in "$name" "$name-torn"; do
        start "$volume"
        sign_in
        is_there "$first" First || fail "kill -9 has lost a post of an earlier life"
        is_there "$second" Second || fail "kill -9 has lost a post"
        podman rm --force --time 40 "$name" >/dev/null
    done
    said "after kill -9 the folder and a copy of it start and have both posts"
}

install_engine
configure_engine
make_base_image
make_compiler_image "$program"
build_image
start "$name"
check_health
check_confinement
sign_up_and_publish
check_stop
check_backup
