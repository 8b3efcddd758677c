# Running commands in the namespaces machine.
# shellcheck shell=bash

# namespaces_enter COMMAND... - run COMMAND as root in the machine's namespaces, in no unit of its systemd:
# for this tool's own questions only.
namespaces_enter() {
    local pid
    pid=$(namespaces_init) || return 1
    nsenter --target "$pid" --mount --pid --cgroup --uts --ipc --root --wd -- \
        env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 TERM="${TERM:-dumb}" "$@"
}

# namespaces_run [--user USER] [--tty] [--] COMMAND... - run COMMAND as a transient unit, of the system for
# root, of the user's own manager for a user who has one, so that it lives in a fitting control group.
namespaces_run() {
    local user=root mode=--pipe
    while (($#)); do
        case $1 in
        --user) user=${2:?--user needs a name} && shift 2 ;;
        --tty) mode=--pty && shift ;;
        --) shift && break ;;
        -*) die_usage "run: unknown option $1" ;;
        *) break ;;
        esac
    done
    (($#)) || die_usage "run: a command is missing"
    namespaces_up || die "it is not up: machine start"
    namespaces_run_unit "$user" "$mode" "$@"
}

namespaces_run_unit() {
    local user=$1 mode=$2 unit=machine-run-$$ setting status=0
    local become=() manager=(--system) options=()
    shift 2
    while IFS= read -r setting; do
        options+=("--setenv=$setting")
    done < <(forwarded_environment)
    options+=(--setenv=PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)
    namespaces_identity "$user"
    if [[ $mode == --pty ]]; then
        namespaces_enter "${become[@]}" systemd-run "${manager[@]}" --quiet --wait --collect --pty \
            --unit="$unit" "${options[@]}" -- "$@" || status=$?
        return "$status"
    fi
    # In the background, so that a signal to this command is seen at once and ends the unit too.
    trap 'namespaces_enter "${become[@]}" systemctl "${manager[@]}" stop "$unit" 2>/dev/null || :' INT TERM HUP
    namespaces_enter "${become[@]}" systemd-run "${manager[@]}" --quiet --wait --collect --pipe \
        --unit="$unit" "${options[@]}" -- "$@" <&0 &
    wait $! || status=$?
    trap - INT TERM HUP
    return "$status"
}

# namespaces_identity USER - set `become`, `manager` and `options` of namespaces_run_unit for USER.
namespaces_identity() {
    local user=$1 uid gid home
    IFS=: read -r _ _ uid gid _ home _ < <(namespaces_enter getent passwd "$user") || die "no user '$user' in the machine"
    options+=("--setenv=HOME=$home" "--setenv=USER=$user" "--setenv=LOGNAME=$user" "--working-directory=$home")
    [[ $user != root ]] || return 0
    options+=("--setenv=XDG_RUNTIME_DIR=/run/user/$uid" "--setenv=DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/$uid/bus")
    if namespaces_enter test -S "/run/user/$uid/bus"; then
        manager=(--user)
        become=(setpriv "--reuid=$uid" "--regid=$gid" --init-groups env "HOME=$home" "USER=$user" "XDG_RUNTIME_DIR=/run/user/$uid")
    else
        options+=("--uid=$user")
    fi
}

# namespaces_shell [--user USER] - an interactive login shell.
namespaces_shell() {
    local user=root
    if [[ ${1:-} == --user ]]; then
        user=${2:?--user needs a name}
        shift 2
    fi
    (($# == 0)) || die_usage "shell: unexpected '$1'"
    namespaces_run --user "$user" --tty -- /bin/bash -l
}
