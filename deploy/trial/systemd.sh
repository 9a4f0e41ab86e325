#!/usr/bin/env bash
# Installs the service as its comment says, in a container that runs systemd, and tries it through its whole life:
#
#   deploy/trial/systemd.sh target/release/broadsheet
#
# It needs root, Debian and a minute. It leaves nothing running, and caches the base system in ~/.cache/broadsheet-deploy.
set -euo pipefail
cd "$(dirname "$0")/../.."
program=$(realpath "${1:?name the program: deploy/trial/systemd.sh target/release/broadsheet}")
image=localhost/broadsheet:trial-systemd
. deploy/trial/engine.sh

build_machine() {
    mkdir "$work/machine"
    cp "$program" "$work/machine/broadsheet"
    cp deploy/systemd/broadsheet.service "$work/machine/"
    printf '[mail]\ntransport = "folder"\n' >"$work/machine/config.toml"
    printf 'BROADSHEET__HTTP__LISTEN=0.0.0.0:8080\n' >"$work/machine/environment"
    # In a container the mounts are private, and systemd cannot provide credentials; so they are made shared first.
    cat >"$work/machine/Dockerfile" <<'MACHINE'
FROM docker.io/library/debian:bookworm-slim
RUN apt-get update && apt-get install --yes --no-install-recommends systemd dbus libstdc++6 ca-certificates
COPY . /root
RUN install -m 0755 /root/broadsheet /usr/local/bin/broadsheet \
    && useradd --system --home-dir /var/lib/broadsheet --shell /usr/sbin/nologin broadsheet \
    && install -d -m 0700 /etc/broadsheet \
    && install -m 0600 /root/config.toml /root/environment /etc/broadsheet/ \
    && install -m 0644 /root/broadsheet.service /etc/systemd/system/broadsheet.service \
    && systemctl enable broadsheet
CMD ["/bin/sh", "-c", "mount --make-rshared / && exec /lib/systemd/systemd"]
MACHINE
    podman build --quiet --format docker --network host --pull=never --tag "$image" "$work/machine" >"$work/build.log" 2>&1 \
        || { tail -20 "$work/build.log" >&2; fail "the machine does not build"; }
}

inside() { podman exec "$name" "$@"; }
property() { inside systemctl show --property "$1" --value broadsheet; }
code_mails() { inside sh -c 'cat /var/lib/broadsheet/mail/code.*.eml 2>/dev/null'; }

boot() {
    podman run --detach --name "$name" --privileged --systemd=always --publish 127.0.0.1::8080 "$image" >/dev/null
    api="http://$(podman port "$name" 8080/tcp | head -1)"
    wait_until_ready
    said "the service starts, with a credential and a file of variables that only root can read"
}

check_confinement() {
    status=$(inside cat "/proc/$(property MainPID)/status")
    user=$(inside id -u broadsheet)
    grep -qP "^Uid:\t$user\t$user\t$user\t$user\$" <<<"$status" || fail "it does not run as its user"
    for expected in 'CapBnd:.*0000000000000000' 'NoNewPrivs:.*1' 'Seccomp:.*2'; do
        grep -q "^$expected\$" <<<"$status" || fail "its status lacks $expected"
    done
    [ "$(inside stat -c '%a %U' /var/lib/broadsheet)" = '700 broadsheet' ] || fail "others can read its data"
    said "its own user, no capabilities, no new privileges, filtered system calls; its data is its own"
}

check_restarts() {
    inside systemctl kill --signal KILL broadsheet
    for _ in $(seq 100); do
        [ "$(property NRestarts)" = 1 ] && break
        sleep 0.1
    done
    wait_until_ready
    sign_in
    is_there "$first" First || fail "kill -9 has lost a post"
    said "after kill -9 it is started again and has the post"

    inside systemctl stop broadsheet
    [ "$(property Result) $(property ExecMainStatus)" = "success 0" ] || fail "it does not end well"
    inside journalctl --unit broadsheet --output cat --no-pager | grep -q '"message":"drained"' || fail "it has not drained"
    said "systemctl stop drains it"

    inside cp -a /var/lib/broadsheet /var/backups/
    inside sh -c 'rm -rf /var/lib/broadsheet/*'
    inside cp -a /var/backups/broadsheet /var/lib/
    inside systemctl start broadsheet
    wait_until_ready
    sign_in
    is_there "$first" First || fail "the backup lacks a post"
    inside systemctl stop broadsheet
    said "a copy of the folder of the stopped service is a backup: restored, it has the post"

    inside sh -c 'echo nonsense = 1 >> /etc/broadsheet/config.toml'
    inside systemctl start broadsheet
    for _ in $(seq 100); do
        [ "$(property ActiveState)" = failed ] && break
        sleep 0.1
    done
    [ "$(property Result) $(property ExecMainStatus) $(property NRestarts)" = "exit-code 78 0" ] \
        || fail "it tries a wrong configuration again"
    said "a wrong configuration is not tried again"
}

install_engine
configure_engine
make_base_image
build_machine
boot
check_confinement
sign_up_and_publish
check_restarts
