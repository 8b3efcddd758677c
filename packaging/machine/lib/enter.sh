# Running commands in the machine, the same for every driver: each gives DRIVER_enter COMMAND..., which runs
# COMMAND as root inside, in no unit of its own.
# shellcheck shell=bash
# shellcheck disable=SC2154  # common.sh and machine set what is read here

# machine_run [--user USER] [--tty] [--] COMMAND... - run COMMAND as a transient unit: of the system for root,
# of the user's own manager for a user who has one, so that it lives in a fitting control group.
machine_run() {
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
    "${driver}_up" || die "it is not up: machine start"
    run_unit "$user" "$mode" "$@"
}

# machine_shell [--user USER] - an interactive login shell.
machine_shell() {
    local user=root
    if [[ ${1:-} == --user ]]; then
        user=${2:?--user needs a name}
        shift 2
    fi
    (($# == 0)) || die_usage "shell: unexpected '$1'"
    machine_run --user "$user" --tty -- /bin/bash -l
}

# machine_push SOURCE DESTINATION - SOURCE becomes DESTINATION, as `cp -r` does; an existing directory receives it.
machine_push() {
    local source parent
    (($# == 2)) || die_usage "push: SOURCE and DESTINATION"
    [[ -e $1 ]] || die "push: there is no $1"
    [[ $2 == /* ]] || die_usage "push: DESTINATION must be absolute"
    "${driver}_up" || die "it is not up: machine start"
    source=$(realpath "$1")
    parent=$(dirname "$source")
    # shellcheck disable=SC2016  # expanded in the machine
    tar -C "$parent" -cf - "$(basename "$source")" | "${driver}_enter" sh -euc '
        staging=$(mktemp -d)
        tar -C "$staging" --no-same-owner -xf -
        cp -a "$staging/$1" "$2"
        rm -r "$staging"' push "$(basename "$source")" "$2"
}

# run_unit USER --pipe|--pty COMMAND... - the exit status is COMMAND's.
run_unit() {
    local user=$1 mode=$2 unit=machine-run-$$-$RANDOM setting status=0
    local become=() manager=(--system) options=() runner
    shift 2
    while IFS= read -r setting; do
        options+=("--setenv=$setting")
    done < <(forwarded_environment)
    options+=(--setenv=PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)
    identify "$user"
    # Quiet about itself, and no $ of the command's is systemd's to expand.
    runner=("${become[@]}" systemd-run "${manager[@]}" --quiet --wait --collect --expand-environment=no
        "$mode" --unit="$unit" "${options[@]}")
    if [[ $mode == --pty ]]; then
        "${driver}_enter_tty" "${runner[@]}" --background= -- "$@" || status=$?
        return "$status"
    fi
    # In the background, so that a signal to this command is seen at once and ends the unit too.
    trap '"${driver}_enter" "${become[@]}" systemctl "${manager[@]}" stop "$unit" 2>/dev/null || :' INT TERM HUP
    "${driver}_enter" "${runner[@]}" -- "$@" <&0 &
    wait $! || status=$?
    trap - INT TERM HUP
    return "$status"
}

# identify USER - set `become`, `manager` and `options` of run_unit for USER.
identify() {
    local user=$1 entry uid gid home bus session
    # shellcheck disable=SC2016  # expanded in the machine
    entry=$("${driver}_enter" sh -c '
        entry=$(getent passwd "$1") || exit 1
        uid=$(id -u "$1")
        if test -S "/run/user/$uid/bus"; then bus=yes; else bus=no; fi
        echo "$bus:$entry"' identify "$user" </dev/null) || die "no user '$user' in the machine"
    IFS=: read -r bus _ _ uid gid _ home _ <<<"$entry"
    options+=("--setenv=HOME=$home" "--setenv=USER=$user" "--setenv=LOGNAME=$user" "--working-directory=$home")
    [[ $user != root ]] || return 0
    session=("XDG_RUNTIME_DIR=/run/user/$uid" "DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/$uid/bus")
    options+=("${session[@]/#/--setenv=}")
    if [[ $bus == yes ]]; then
        manager=(--user)
        become=(setpriv "--reuid=$uid" "--regid=$gid" --init-groups
            env "HOME=$home" "USER=$user" "${session[@]}")
    else
        options+=("--uid=$user")
    fi
}
