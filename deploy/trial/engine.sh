# shellcheck shell=bash
# The container engine and the base images for the trials; source it from the root of the repository. The engine, Podman, comes
# from Debian. The two base images of the Dockerfile are built here from Debian's packages, under the same names. In the compiler
# image, `cargo` copies a given program instead of compiling one. Everything else happens as in the Dockerfile.

cache="${XDG_CACHE_HOME:-$HOME/.cache}/broadsheet-deploy"
work=$(mktemp -d)
name=broadsheet-trial-$$

# Without systemd as the first process, Podman complains about timers for the health checks. Silencing it makes one of its parts
# complain about the silencing, so that line is filtered out.
podman() { command podman --log-level=fatal "$@" 2> >(grep -v 'invalid logging spec' >&2); }
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

# Podman with runc, which also works where control groups of both versions are mounted, and with limits this machine allows.
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

make_base_image() {
    if [ ! -e "$cache/bookworm.tar" ]; then
        mkdir -p "$cache"
        # shellcheck disable=SC2016
        mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' | head -1)
        debootstrap --variant=minbase bookworm "$work/root" "$mirror" >"$work/debootstrap.log" \
            || { tail -5 "$work/debootstrap.log" >&2; fail "no base system could be made"; }
        tar -C "$work/root" -cf "$cache/bookworm.tar.part" .
        mv "$cache/bookworm.tar.part" "$cache/bookworm.tar"
    fi
    podman import --quiet "$cache/bookworm.tar" docker.io/library/debian:bookworm-slim >/dev/null
}

# make_compiler_image PROGRAM
make_compiler_image() {
    mkdir "$work/rust"
    cp "$1" "$work/rust/broadsheet"
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

# What a user does with a server. The script that sources this file sets $api to its address, and defines `code_mails`, which
# prints the mails with codes.
api=
sign_in() {
    token=$(curl -sf "$api/v1/identity/sign-in" --json '{"email":"ada@example.com","password":"correct horse ada"}' |
        grep -oE '"access_token":"[^"]+' | cut -d'"' -f4)
}
publish() { # publish TITLE: sets $post
    post=$(curl -sf "$api/v1/posts" -H "Authorization: Bearer $token" --json "{\"title\":\"$1\",\"body\":\"A few words.\"}" |
        grep -oE '"id":"[^"]+' | head -1 | cut -d'"' -f4)
}
is_there() { curl -sf "$api/v1/posts/$1" -H "Authorization: Bearer $token" | grep -q "\"title\":\"$2\""; }

sign_up_and_publish() {
    curl -sf "$api/v1/identity/sign-up" -o /dev/null \
        --json '{"email":"ada@example.com","password":"correct horse ada","handle":"ada","name":"Ada"}'
    for _ in $(seq 100); do
        code=$(code_mails | grep -oE '^[0-9]{6}' | tail -1) && break
        sleep 0.1
    done
    curl -sf "$api/v1/identity/confirm" -o /dev/null --json "{\"email\":\"ada@example.com\",\"code\":\"$code\"}"
    sign_in
    publish First && first=$post
    for _ in $(seq 100); do
        finished=$(curl -sf "$api/v1/posts/$first/deliveries" -H "Authorization: Bearer $token" | grep -o '"state":"done"' | wc -l)
        [ "$finished" = 5 ] && break
        sleep 0.1
    done
    [ "$finished" = 5 ] || fail "not every worker is done with a post"
    said "somebody signs up and publishes; five workers are done"
}

wait_until_ready() {
    for _ in $(seq 120); do
        curl -sf -o /dev/null "$api/readyz" && return
        sleep 0.5
    done
    podman logs "$name" 2>&1 | tail -5 >&2
    fail "the server does not become ready"
}
