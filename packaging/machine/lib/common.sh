# Names, places and messages shared by the drivers.
# shellcheck shell=bash
# shellcheck disable=SC2034  # read by the other files of lib/

checkout=$(realpath "$here/../..")
state=$checkout/build/machine

# Two checkouts on one computer must not meet: whatever is global to the computer carries this tag.
tag=$(printf %s "$checkout" | sha256sum | cut -c1-8)
name=nbhostd-$tag

say() { printf 'machine: %s\n' "$*" >&2; }

die() {
    say "$*"
    exit 1
}

die_usage() {
    say "$* (machine --help)"
    exit 2
}

# prepare_state - the directory for everything the machine keeps; root's alone, as the tree holds private copies.
prepare_state() {
    mkdir -p "$state"
    chmod 0700 "$state"
}

# first_port - the first of ten ports that belong to this checkout, below the kernel's ephemeral range.
first_port() {
    printf '%d\n' $((20000 + 16#$tag % 1200 * 10))
}

# machine_port DRIVER - the port at which this computer reaches nbhostd's front door in that machine.
machine_port() {
    case $1 in
    namespaces) first_port ;;
    qemu) printf '%d\n' $(($(first_port) + 1)) ;;
    esac
}

# need COMMAND=PACKAGE... - install with apt whatever command is missing on this computer.
need() {
    local pair missing=()
    for pair in "$@"; do
        command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
    done
    ((${#missing[@]})) || return 0
    say "installing on this computer: ${missing[*]}"
    apt_index
    DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 install --no-install-recommends --yes "${missing[@]}" >&2
}

# apt_index - fetch apt's package lists once per invocation.
apt_index_fetched=
apt_index() {
    [[ -z $apt_index_fetched ]] || return 0
    say "refreshing apt's package lists"
    # A source of this computer that fails is not ours to mend; what is then missing is named soon enough.
    apt-get -qq update >&2 || say "apt could not refresh everything: going on with what there is"
    apt_index_fetched=yes
}

# locked FILE COMMAND... - run COMMAND while no other process holds the lock FILE.
locked() {
    local file=$1 descriptor
    shift
    exec {descriptor}>"$file"
    flock --nonblock "$descriptor" || { say "waiting for another machine command" && flock "$descriptor"; }
    # The command's children must not hold the lock: the machine itself is one of them.
    "$@" {descriptor}>&-
    exec {descriptor}>&-
}

# wait_until SECONDS COMMAND... - try COMMAND every fifth of a second; fail when the time is over.
wait_until() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        ((SECONDS < deadline)) || return 1
        sleep 0.2
    done
}
