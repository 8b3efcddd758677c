# The namespaces driver: the machine is systemd in namespaces of its own, on this computer's kernel and network.
# shellcheck shell=bash

ns=$state/namespaces
ns_pid=$ns/init.pid
ns_console=$state/console.log

# namespaces_init - the process id of the machine's PID 1 as this computer sees it; fails when it does not run.
namespaces_init() {
    local pid
    [[ -s $ns_pid ]] && pid=$(<"$ns_pid") || return 1
    [[ -e /proc/$pid/root/run && $(tr '\0' '\n' <"/proc/$pid/environ" 2>/dev/null) == *"NBHOSTD_MACHINE=$tag"* ]] || return 1
    printf '%s\n' "$pid"
}

namespaces_up() {
    namespaces_init >/dev/null
}

namespaces_start() {
    (($# == 0)) || die_usage "start: unexpected '$1'"
    if namespaces_up; then
        say "already up"
        return 0
    fi
    need unshare=util-linux
    locked "$state/lock" namespaces_boot
}

namespaces_boot() {
    ! namespaces_up || return 0
    namespaces_sweep
    namespaces_unpack
    say "booting"
    namespaces_prepare
    cgroup_prepare
    namespaces_spawn
    wait_until 240 namespaces_settled || die "it does not come up; see $ns_console"
    say "up in ${SECONDS}s: $(namespaces_verdict)"
}

# namespaces_unpack - the pristine tree, once.
namespaces_unpack() {
    local tar
    if [[ -e $ns/pristine.ready ]]; then
        [[ $(<"$ns/pristine.ready") == "$(basename "$(base_path)")" ]] ||
            say "the list of Debian packages has changed since this machine was made: 'machine reset' takes the new one"
        return 0
    fi
    tar=$(base_tar)
    say "unpacking"
    rm -rf "$ns/pristine"
    mkdir -p "$ns/pristine"
    tar -C "$ns/pristine" --xattrs --xattrs-include='*' --numeric-owner -xf "$tar"
    basename "$tar" >"$ns/pristine.ready"
}

# namespaces_prepare - the writable side: an overlay over the pristine tree, and a real /var, because
# rootless Podman's own overlays cannot lie on an overlay.
namespaces_prepare() {
    mkdir -p "$ns/upper" "$ns/work" "$ns/root"
    if [[ ! -e $ns/var.ready ]]; then
        rm -rf "${ns:?}/var"
        cp -a "$ns/pristine/var" "$ns/var"
        : >"$ns/var.ready"
    fi
}

namespaces_spawn() {
    local ready=$ns/ready.fifo
    rm -f "$ready" "$ns_pid"
    mkfifo -m 0600 "$ready"
    : >>"$ns_console"
    # A session of its own: the machine outlives this command, its terminal and its pipes.
    setsid --fork env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
        NS="$ns" TAG="$tag" NAME="$name" CHECKOUT="$checkout" CGROUP="$(cgroup_path)" \
        BINDS="$(local_indexes)" \
        "$here/lib/boot" </dev/null >>"$ns_console" 2>&1 3>&- &
    wait $!
    if ! wait_until 120 test -s "$ns_pid"; then
        namespaces_sweep
        die "its namespaces could not be made; see $ns_console"
    fi
}

# namespaces_verdict - systemd's own word: starting, running, degraded...
namespaces_verdict() {
    namespaces_enter systemctl is-system-running 2>/dev/null || :
}

namespaces_settled() {
    [[ $(namespaces_verdict) =~ ^(running|degraded)$ ]]
}

namespaces_status() {
    local pid
    if ! pid=$(namespaces_init); then
        if [[ -e $ns/pristine.ready ]]; then echo "down"; else echo "not made"; fi
        return 3
    fi
    printf 'up: %s (process %s, hostname %s, port %s)\n' "$(namespaces_verdict)" "$pid" "$name" "$(machine_port namespaces)"
}

namespaces_stop() {
    if namespaces_up; then
        say "powering off"
        namespaces_enter systemctl poweroff >/dev/null 2>&1 || :
        wait_until 60 namespaces_down || say "it did not power off in a minute: ending it"
    fi
    namespaces_sweep
}

namespaces_down() {
    ! namespaces_up
}

namespaces_reboot() {
    namespaces_stop
    namespaces_start
}

# namespaces_cut - every process ends at once, as by a power failure (the kernel, being this computer's, stays).
namespaces_cut() {
    namespaces_sweep
}

# namespaces_sweep - no process, no mount and no control group of the machine is left; its disk is.
namespaces_sweep() {
    local pid
    if pid=$(namespaces_init); then
        kill -KILL "$pid"
        wait_until 10 namespaces_down || die "process $pid does not end"
    fi
    cgroup_remove
    rm -f "$ns_pid" "$ns/ready.fifo"
}

namespaces_reset() {
    namespaces_stop
    rm -rf "$ns/upper" "$ns/work" "${ns:?}/var" "$ns/var.ready"
    [[ ! -e $ns/pristine.ready || $(<"$ns/pristine.ready") == "$(basename "$(base_path)")" ]] || rm "$ns/pristine.ready"
}

namespaces_destroy() {
    namespaces_stop
    rm -rf "$ns" "$ns_console"
    rm -f "$state"/base-*.tar "$state"/base-*.partial "$state/base.lock"
    rm -f "$state/lock"
    ! rmdir --ignore-fail-on-non-empty "$state" 2>/dev/null || rmdir --ignore-fail-on-non-empty "$checkout/build" 2>/dev/null || :
}

# namespaces_enter COMMAND... - run COMMAND as root in the machine's namespaces.
namespaces_enter() {
    local pid
    pid=$(namespaces_init) || return 1
    nsenter --target "$pid" --mount --pid --cgroup --uts --ipc --root --wd -- \
        env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
        TERM="${TERM:-dumb}" "$@"
}

namespaces_enter_tty() {
    namespaces_enter "$@"
}

# cgroup_path - the machine's control group; what is below `init` is what the machine sees as its root.
cgroup_path() {
    printf '%s/%s\n' "$(cgroup_mount)" "$name"
}

# cgroup_mount - where this computer has its version-2 hierarchy (beside version 1: `unified`).
cgroup_mount() {
    findmnt --noheadings --first-only --types cgroup2 --output TARGET || die "this computer has no cgroup2 mounted"
}

# cgroup_prepare - a fresh group with every controller that version 2 has here.
cgroup_prepare() {
    local group controller
    group=$(cgroup_path)
    mkdir -p "$group"
    for controller in $(<"$(cgroup_mount)/cgroup.controllers"); do
        # A controller may refuse (realtime processes outside): the machine then lacks it and boots.
        echo "+$controller" 2>/dev/null >"$(cgroup_mount)/cgroup.subtree_control" || continue
        echo "+$controller" 2>/dev/null >"$group/cgroup.subtree_control" || :
    done
    mkdir -p "$group/boot" "$group/machine"
}

cgroup_remove() {
    local group
    group=$(cgroup_path)
    [[ -d $group ]] || return 0
    [[ ! -e $group/cgroup.kill ]] || echo 1 >"$group/cgroup.kill"
    wait_until 10 cgroup_empty "$group" || die "processes in $group do not end"
    find "$group" -depth -type d -exec rmdir {} +
}

cgroup_empty() {
    grep -qx 'populated 0' "$1/cgroup.events"
}
