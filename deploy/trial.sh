#!/usr/bin/env bash
# Builds the image and lives through a container's life with it, where no registry of images can be reached and the program is
# compiled already:
#
#   deploy/trial.sh target/release/broadsheet
#
# The engine, Podman, comes from Debian. The two base images are made here from Debian's packages, under the names that the
# Dockerfile asks for; in the one with the compiler `cargo` hands over the given program instead of compiling it. Everything else
# happens as the Dockerfile says. It needs root, Debian and some minutes; it leaves nothing running and keeps the base system in
# ~/.cache/broadsheet-deploy.
set -euo pipefail
cd "$(dirname "$0")/.."

program=$(realpath "${1:?name the program: deploy/trial.sh target/release/broadsheet}")
cache="${XDG_CACHE_HOME:-$HOME/.cache}/broadsheet-deploy"
work=$(mktemp -d)
name=broadsheet-trial-$$
image=localhost/broadsheet:trial

# Without systemd as the first process, Podman complains about timers for the health checks.
podman() { command podman --log-level=fatal "$@"; }
said() { printf 'ok: %s\n' "$*"; }
fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }

finish() {
    podman rm --force --time 0 "$name" >/dev/null 2>&1 || true
    podman volume rm --force "$name" "$name-copy" "$name-torn" >/dev/null 2>&1 || true
    rm -rf "$work"
}
trap finish EXIT

install_engine() {
    command -v podman >/dev/null && command -v debootstrap >/dev/null && command -v runc >/dev/null && command -v catatonit >/dev/null && return
    apt-get update -q >/dev/null
    apt-get install -y -q --no-install-recommends podman buildah runc catatonit netavark iptables debootstrap >/dev/null
}

# Podman with runc, which also works where control groups of both versions are mounted, and with limits that this machine allows.
configure_engine() {
    cat >"$work/containers.conf" <<CONF
[containers]
default_ulimits = ["nofile=$(ulimit -Hn):$(ulimit -Hn)", "nproc=4096:4096"]
[engine]
runtime = "runc"
events_logger = "file"
[network]
network_backend = "netavark"
CONF
    export CONTAINERS_CONF="$work/containers.conf"
}

make_base_images() {
    if [ ! -e "$cache/bookworm.tar" ]; then
        mkdir -p "$cache"
        mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' | head -1)
        debootstrap --variant=minbase bookworm "$work/root" "$mirror" >"$work/debootstrap.log" \
            || { tail -5 "$work/debootstrap.log" >&2; fail "no base system could be made"; }
        tar -C "$work/root" -cf "$cache/bookworm.tar.part" .
        mv "$cache/bookworm.tar.part" "$cache/bookworm.tar"
    fi
    podman import --quiet "$cache/bookworm.tar" docker.io/library/debian:bookworm-slim >/dev/null
    mkdir "$work/rust"
    cp "$program" "$work/rust/broadsheet"
    cat >"$work/rust/cargo" <<'CARGO'
#!/bin/sh
[ "$*" = "build --release --locked" ] && [ -f Cargo.toml ] && [ -f Cargo.lock ] && [ -f src/lib.rs ] && [ -f src/main.rs ] || exit 64
echo "$(find src -name '*.rs' | wc -l) files in src" >> /build-log
mkdir -p target/release && cp /usr/local/lib/broadsheet target/release/broadsheet
CARGO
    chmod +x "$work/rust/cargo"
    printf '%s\n' 'FROM docker.io/library/debian:bookworm-slim' 'COPY cargo /usr/local/bin/cargo' \
        'COPY broadsheet /usr/local/lib/broadsheet' >"$work/rust/Dockerfile"
    podman build --quiet --tag docker.io/library/rust:1.95-bookworm "$work/rust" >/dev/null
}

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
    for _ in $(seq 120); do
        curl -sf -o /dev/null "$api/readyz" && return
        sleep 0.5
    done
    podman logs "$name" 2>&1 | tail -5 >&2
    fail "the server does not become ready"
}

inside() { podman exec "$name" "$@"; }
sign_in() {
    token=$(curl -sf "$api/v1/identity/sign-in" --json '{"email":"ada@example.com","password":"correct horse ada"}' |
        grep -oE '"access_token":"[^"]+' | cut -d'"' -f4)
}
publish() {
    post=$(curl -sf "$api/v1/posts" -H "Authorization: Bearer $token" --json "{\"title\":\"$1\",\"body\":\"A few words.\"}" |
        grep -oE '"id":"[^"]+' | head -1 | cut -d'"' -f4)
}
is_there() { curl -sf "$api/v1/posts/$1" -H "Authorization: Bearer $token" | grep -q "\"title\":\"$2\""; }

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
    if inside sh -c 'touch /usr/x /etc/x /run/x' 2>/dev/null; then fail "the root file system can be written"; fi
    said "user 10001, no capabilities, no new privileges, filtered system calls, a read-only root"
}

check_life() {
    inside sh -c true
    curl -sf "$api/v1/identity/sign-up" -o /dev/null \
        --json '{"email":"ada@example.com","password":"correct horse ada","handle":"ada","name":"Ada"}'
    for _ in $(seq 100); do
        code=$(inside sh -c 'cat /data/mail/code.*.eml 2>/dev/null' | grep -oE '^[0-9]{6}' | tail -1) && break
        sleep 0.1
    done
    curl -sf "$api/v1/identity/confirm" -o /dev/null --json "{\"email\":\"ada@example.com\",\"code\":\"$code\"}"
    sign_in
    publish First && first=$post
    for _ in $(seq 100); do
        done_lines=$(curl -sf "$api/v1/posts/$first/deliveries" -H "Authorization: Bearer $token" | grep -o '"state":"done"' | wc -l)
        [ "$done_lines" = 5 ] && break
        sleep 0.1
    done
    [ "$done_lines" = 5 ] || fail "not every worker is done with a post"
    said "somebody signs up and publishes; five workers are done"

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
        is_there "$first" First && is_there "$second" Second || fail "kill -9 has lost a post"
        podman rm --force --time 40 "$name" >/dev/null
    done
    said "after kill -9 the folder and a copy of it start and have both posts"
}

install_engine
configure_engine
make_base_images
build_image
start "$name"
check_health
check_confinement
check_life
check_backup
