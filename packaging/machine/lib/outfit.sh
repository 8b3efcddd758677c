# What turns a pristine Debian into this computer's machine: its name, its certificates, its indexes.
# shellcheck shell=bash

# Variables that a command in the machine needs to reach the package indexes as this computer does.
forwarded_pattern='^(PIP_.*|UV_.*|npm_config_.*|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|GIT_SSL_CAINFO|NODE_EXTRA_CA_CERTS|(https?|ftp|no|all)_proxy|(HTTPS?|FTP|NO|ALL)_PROXY)$'
user_pip_conf=/etc/pip-user.conf

# outfit TREE HOSTNAME - write what the tree must know of this computer; harmless to repeat at each start.
outfit() {
    local tree=$1 hostname=$2
    printf '%s\n' "$hostname" >"$tree/etc/hostname"
    printf '127.0.0.1 localhost %s\n::1 localhost ip6-localhost\n' "$hostname" >"$tree/etc/hosts"
    outfit_certificates "$tree"
    outfit_pip "$tree"
    outfit_npm "$tree"
    outfit_systemd "$tree"
    mkdir -p "$tree/src"
}

# outfit_certificates TREE - the authorities that this computer trusts, also after update-ca-certificates.
outfit_certificates() {
    local tree=$1 bundle=/etc/ssl/certs/ca-certificates.crt
    [[ ! -f $bundle ]] || cp -L "$bundle" "$tree$bundle"
    [[ ! -d /usr/local/share/ca-certificates ]] || cp -rLT /usr/local/share/ca-certificates "$tree/usr/local/share/ca-certificates"
}

# outfit_pip TREE - pip's configuration: the computer's at its own places, the user's where PIP_CONFIG_FILE points.
outfit_pip() {
    local tree=$1 file
    [[ ! -f /etc/pip.conf ]] || cp -L /etc/pip.conf "$tree/etc/pip.conf"
    [[ ! -d /etc/xdg/pip ]] || { mkdir -p "$tree/etc/xdg" && cp -rLT /etc/xdg/pip "$tree/etc/xdg/pip"; }
    for file in "${PIP_CONFIG_FILE:-}" ~/.config/pip/pip.conf ~/.pip/pip.conf; do
        if [[ -f $file ]]; then
            install -m 0644 "$file" "$tree$user_pip_conf"
            break
        fi
    done
}

outfit_npm() {
    local tree=$1
    [[ ! -f /etc/npmrc ]] || cp -L /etc/npmrc "$tree/etc/npmrc"
    [[ ! -f ~/.npmrc ]] || install -m 0600 ~/.npmrc "$tree/root/.npmrc"
}

outfit_systemd() {
    local tree=$1
    mkdir -p "$tree/var/log/journal"
    # Each machine its own identity: systemd makes one at the first boot.
    [[ -s $tree/etc/machine-id ]] || : >"$tree/etc/machine-id"
    # The tree is whole: no boot has to bring its caches up to date (systemd-update-done.service(8)).
    touch "$tree/etc/.updated" "$tree/var/.updated"
}

# outfit_masks DIRECTORY UNIT... - units that have no place in a machine.
outfit_masks() {
    local directory=$1 unit
    shift
    mkdir -p "$directory"
    for unit in "$@"; do
        ln -sfn /dev/null "$directory/$unit"
    done
}

# Timers that would use the network or the disk in the middle of a test, and what nobody here needs.
untimely_units=(
    apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer fstrim.timer dpkg-db-backup.timer man-db.timer
    netavark-dhcp-proxy.service netavark-dhcp-proxy.socket
    proc-sys-fs-binfmt_misc.automount proc-sys-fs-binfmt_misc.mount systemd-binfmt.service
)
# Units that ask for a kernel of one's own, or for network ports, which namespaces share with this computer.
kernel_units=(
    systemd-modules-load.service systemd-udevd.service systemd-udevd-control.socket systemd-udevd-kernel.socket
    systemd-udev-trigger.service systemd-udev-settle.service dev-hugepages.mount sys-kernel-debug.mount
    sys-kernel-tracing.mount ssh.service ssh.socket systemd-networkd.service systemd-networkd.socket
    systemd-timesyncd.service
)

# local_indexes - directories of this computer that its pip configuration names, one a line.
local_indexes() {
    local file
    {
        for file in /etc/pip.conf /etc/xdg/pip/pip.conf "${PIP_CONFIG_FILE:-}" ~/.config/pip/pip.conf ~/.pip/pip.conf; do
            [[ ! -f $file ]] || cat "$file"
        done
        env | grep -E '^PIP_' || :
    } | { grep -oE '(file://)?(/[A-Za-z0-9._+-]+){2,}' || :; } | sed 's,^file://,,' | sort -u |
        while read -r file; do
            case $file in
            /etc/* | /usr/* | /var/* | /proc/* | /sys/* | /dev/* | /run/*) ;;
            # A simple index's links lead to its sibling directories.
            */simple) [[ ! -d $file ]] || printf '%s\n' "${file%/simple}" ;;
            *) [[ ! -d $file ]] || printf '%s\n' "$file" ;;
            esac
        done
}

# forwarded_environment - NAME=VALUE lines that commands in the machine get from this computer.
forwarded_environment() {
    local variable
    compgen -e | { grep -E "$forwarded_pattern" || :; } | while read -r variable; do
        case $variable in
        PIP_CONFIG_FILE) ;;
        *) printf '%s=%s\n' "$variable" "${!variable}" ;;
        esac
    done
    printf 'PIP_CONFIG_FILE=%s\n' "$user_pip_conf"
}
