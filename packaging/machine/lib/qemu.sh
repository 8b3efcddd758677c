# The QEMU driver: the machine has a kernel of its own, with every cgroup controller, and can lose its power.
# shellcheck shell=bash
# shellcheck disable=SC2154  # common.sh and machine set what is read here

qemu=$state/qemu
qemu_pid=$qemu/qemu.pid
qemu_console=$state/qemu-console.log
# A Unix socket's path is short, the checkout's may be long: so these lie in /run.
qemu_control=/run/$name-qemu.ssh
qemu_memory=${NBHOSTD_MACHINE_MEMORY:-4096}
# Seconds: an emulated boot takes one minute on an idle computer, several on a busy one.
qemu_patience=900

qemu_up() {
    local pid
    [[ -s $qemu_pid ]] && pid=$(<"$qemu_pid") && [[ $(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline") == *"guest=$name"* ]]
}

qemu_down() {
    ! qemu_up
}

qemu_start() {
    local from=
    if [[ ${1:-} == --from-namespaces ]]; then
        from=current
        shift
    fi
    (($# == 0)) || die_usage "start: unexpected '$1'"
    if qemu_up; then
        [[ -z $from ]] || die "already up: stop it before making its disk again"
        say "already up"
        return 0
    fi
    locked "$state/qemu.lock" qemu_boot "$from"
}

qemu_boot() {
    local from=$1
    ! qemu_up || return 0
    need qemu-system-x86_64=qemu-system-x86 ssh=openssh-client ssh-keygen=openssh-client mke2fs=e2fsprogs
    mkdir -p "$qemu"
    qemu_sweep
    qemu_keys
    if [[ -n $from || ! -e $qemu/disk.img ]]; then
        disk_make "${from:-pristine}"
    fi
    source_image
    qemu_spawn
    qemu_wait
}

# qemu_keys - a key pair to enter with, and the host's, so that nobody is asked to trust anything.
qemu_keys() {
    [[ -f $qemu/key ]] || ssh-keygen -q -t ed25519 -N '' -C machine -f "$qemu/key"
    [[ -f $qemu/host_key ]] || ssh-keygen -q -t ed25519 -N '' -C machine -f "$qemu/host_key"
    printf 'machine %s\n' "$(cut -d' ' -f1,2 "$qemu/host_key.pub")" >"$qemu/known_hosts"
}

# qemu_acceleration - words for QEMU's command line: KVM where it boots this very kernel, else emulation.
qemu_acceleration() {
    if [[ ! -e $qemu/acceleration ]]; then
        if qemu_kvm_works; then
            printf '%s\n' '-accel kvm -cpu host' >"$qemu/acceleration"
        else
            # Multi-threaded emulation may tear a double-word compare-and-swap: a processor without it is safe.
            printf '%s\n' '-accel tcg,thread=multi -cpu max,cx16=off' >"$qemu/acceleration"
        fi
    fi
    cat "$qemu/acceleration"
}

# qemu_kvm_works - a /dev/kvm may exist and still not run a stock kernel, so it is tried.
qemu_kvm_works() {
    [[ -w /dev/kvm ]] || return 1
    say "trying KVM"
    timeout 10 qemu-system-x86_64 -accel kvm -cpu host -m 512 -nodefaults -no-reboot -display none -serial stdio \
        -kernel "$qemu/kernel/vmlinuz" -append 'console=ttyS0 panic=-1 root=none' </dev/null 2>/dev/null |
        grep -q 'Unable to mount root fs'
}

qemu_spawn() {
    local acceleration line
    read -ra acceleration < <(qemu_acceleration)
    # Emulated self-tests and mitigations take time and guard nothing.
    line='root=/dev/vda rw console=ttyS0 net.ifnames=0 cryptomgr.notests mitigations=off quiet systemd.show_status=1 panic=-1'
    say "booting (${acceleration[1]%%,*})"
    qemu-system-x86_64 "${acceleration[@]}" -name "guest=$name" -machine q35 -smp 2 -m "$qemu_memory" \
        -nodefaults -display none -daemonize -pidfile "$qemu_pid" \
        -chardev "file,id=console,path=$qemu_console,append=on" -serial chardev:console \
        -kernel "$qemu/kernel/vmlinuz" -initrd "$qemu/kernel/initrd.img" -append "$line" \
        -drive "file=$qemu/disk.img,format=raw,if=virtio,discard=unmap" \
        -drive "file=$qemu/src.img,format=raw,if=virtio,readonly=on" \
        -netdev "user,id=net,hostfwd=tcp:127.0.0.1:$(machine_port qemu)-10.0.2.15:80,hostfwd=tcp:127.0.0.1:$(qemu_ssh_port)-10.0.2.15:22" \
        -device virtio-net-pci,netdev=net -device virtio-rng-pci
}

qemu_ssh_port() {
    printf '%d\n' $(($(first_port) + 2))
}

qemu_wait() {
    wait_until "$qemu_patience" qemu_settled || die "it does not come up; see $qemu_console"
    say "up in ${SECONDS}s: $(qemu_verdict)"
}

qemu_ssh_options() {
    printf '%s\n' -F none -p "$(qemu_ssh_port)" -i "$qemu/key" -o IdentitiesOnly=yes -o BatchMode=yes \
        -o HostKeyAlias=machine -o "UserKnownHostsFile=$qemu/known_hosts" -o StrictHostKeyChecking=yes \
        -o ControlMaster=auto -o "ControlPath=$qemu_control" -o ControlPersist=yes -o LogLevel=ERROR \
        -o ConnectTimeout=30 -o ServerAliveInterval=10
}

# qemu_enter COMMAND... - run COMMAND as root in the machine.
qemu_enter() {
    qemu_ssh -T "$@"
}

qemu_enter_tty() {
    qemu_ssh -t "$@"
}

qemu_ssh() {
    local mode=$1 options
    shift
    mapfile -t options < <(qemu_ssh_options)
    # ssh gives the remote shell one line: quoted, each word arrives as it is.
    ssh "$mode" "${options[@]}" root@127.0.0.1 "exec env LANG=C.UTF-8 ${*@Q}"
}

qemu_verdict() {
    qemu_enter systemctl is-system-running 2>/dev/null </dev/null || :
}

qemu_settled() {
    qemu_up || die "QEMU ended; see $qemu_console"
    [[ $(qemu_verdict) =~ ^(running|degraded)$ ]]
}

qemu_status() {
    if ! qemu_up; then
        if [[ -e $qemu/disk.img ]]; then echo "down"; else echo "not made"; fi
        return 3
    fi
    printf 'up: %s (process %s, %s, port %s)\n' "$(qemu_verdict)" "$(<"$qemu_pid")" "$(cut -d' ' -f2 "$qemu/acceleration")" \
        "$(machine_port qemu)"
}

qemu_stop() {
    if qemu_up; then
        say "powering off"
        qemu_enter systemctl poweroff >/dev/null 2>&1 </dev/null || :
        wait_until 120 qemu_down || say "it did not power off in two minutes: ending it"
    fi
    qemu_sweep
}

# qemu_reboot - the machine's kernel restarts; done when it is up again with another boot id.
qemu_reboot() {
    local before
    qemu_up || die "it is not up: machine start"
    before=$(qemu_boot_id)
    qemu_enter systemctl reboot >/dev/null 2>&1 </dev/null || :
    qemu_hang_up
    say "rebooting"
    wait_until "$qemu_patience" qemu_rebooted "$before" || die "it does not come back; see $qemu_console"
    qemu_wait
}

qemu_boot_id() {
    qemu_enter cat /proc/sys/kernel/random/boot_id </dev/null
}

qemu_rebooted() {
    local now
    now=$(qemu_boot_id 2>/dev/null) && [[ $now != "$1" ]]
}

# qemu_cut - the power fails: the machine gets no chance to write anything more.
qemu_cut() {
    qemu_sweep
}

qemu_hang_up() {
    [[ ! -S $qemu_control ]] || ssh -O exit -o "ControlPath=$qemu_control" root@127.0.0.1 2>/dev/null || :
    rm -f "$qemu_control"
}

qemu_sweep() {
    if qemu_up; then
        kill -KILL "$(<"$qemu_pid")"
        wait_until 10 qemu_down || die "QEMU does not end"
    fi
    qemu_hang_up
    rm -f "$qemu_pid"
}

qemu_reset() {
    qemu_stop
    rm -f "$qemu/disk.img"
}

qemu_destroy() {
    qemu_stop
    rm -rf "$qemu" "$qemu_console" "$state/qemu.lock"
    rm -f "$state"/kernel-* "$state"/kernel.lock
    ! rmdir --ignore-fail-on-non-empty "$state" 2>/dev/null || rmdir --ignore-fail-on-non-empty "$checkout/build" 2>/dev/null || :
}
