# The pristine Debian: one tar, made by mmdebstrap from this computer's own Debian mirror.
# shellcheck shell=bash

suite=trixie
base_packages=(
    systemd systemd-sysv dbus dbus-user-session libpam-systemd udev kmod openssh-server ca-certificates procps iproute2
    netbase
    podman crun uidmap passt catatonit git python3 python3-venv mmdebstrap
    dpkg-dev debhelper dh-python fakeroot lintian debconf-utils autopkgtest make curl less strace
    bash-completion
)

# debian_mirror LABEL - the mirror that this computer's apt uses for Debian's archive of that label.
debian_mirror() {
    # shellcheck disable=SC2016  # $(...) is apt's own syntax here
    apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(COMPONENT)|$(REPO_URI)' 'Created-By: Packages' |
        awk -F'|' -v label="$1" '$1 == "Debian" && $2 == label && $3 == "main" { print $4; exit }'
}

# debian_sources - lines for sources.list: the suite, and its updates where this computer's mirrors are known.
debian_sources() {
    local main security
    main=$(debian_mirror Debian)
    security=$(debian_mirror Debian-Security)
    [[ -n $main ]] || die "apt on this computer has no Debian archive among its sources"
    printf 'deb %s %s main\n' "$main" "$suite"
    printf 'deb %s %s-updates main\n' "$main" "$suite"
    [[ -z $security ]] || printf 'deb %s %s-security main\n' "$security" "$suite"
}

# apt_proxy_options - this computer's apt proxies, as mmdebstrap options, one a line.
apt_proxy_options() {
    local scheme value
    for scheme in http https; do
        eval "$(apt-config shell value "Acquire::$scheme::Proxy")"
        [[ -z ${value:-} ]] || printf -- '--aptopt=Acquire::%s::Proxy "%s";\n' "$scheme" "$value"
        value=
    done
}

# base_path - where the tar made by today's recipe is kept.
base_path() {
    local recipe
    recipe=$(printf '%s\n' "$suite" "${base_packages[@]}" | sha256sum | cut -c1-12)
    printf '%s\n' "${NBHOSTD_CACHE:-$state}/base-$recipe.tar"
}

# base_tar - print base_path, with the tar made when it is missing.
base_tar() {
    local tar
    tar=$(base_path)
    mkdir -p "$(dirname "$tar")"
    [[ -f $tar ]] || locked "$(dirname "$tar")/base.lock" make_base_tar "$tar"
    printf '%s\n' "$tar"
}

make_base_tar() {
    local tar=$1 sources proxies
    [[ ! -f $tar ]] || return 0
    need mmdebstrap=mmdebstrap
    apt_index
    sources=$(debian_sources)
    mapfile -t proxies < <(apt_proxy_options)
    say "making a pristine Debian $suite (about a minute)"
    # shellcheck disable=SC2016  # expanded by mmdebstrap's shell
    printf '%s\n' "$sources" |
        mmdebstrap --variant=minbase --format=tar --include="$(IFS=,; echo "${base_packages[*]}")" \
            --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' "${proxies[@]}" \
            --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
            --dpkgopt='path-exclude=/usr/share/locale/*' \
            --customize-hook='rm -f "$1"/etc/hostname "$1"/etc/resolv.conf' \
            "$suite" "$tar.partial" - >&2
    # Tars of earlier recipes are of no use to this checkout.
    [[ -n ${NBHOSTD_CACHE:-} ]] || rm -f "$state"/base-*.tar
    mv "$tar.partial" "$tar"
    say "kept as $tar ($(du -h "$tar" | cut -f1))"
}
