# The disk and the kernel of the QEMU driver's machine.
# shellcheck shell=bash
# shellcheck disable=SC2154  # common.sh and machine set what is read here

disk_size=24G
kernel_package=linux-image-cloud-amd64

# kernel_kit - print the path of a tar with vmlinuz, initrd.img and the modules; made when missing.
kernel_kit() {
    local cache=${NBHOSTD_CACHE:-$state} tar
    tar=$cache/kernel-$suite-$kernel_package.tar
    mkdir -p "$cache"
    [[ -f $tar ]] || locked "$cache/kernel.lock" make_kernel_kit "$tar"
    printf '%s\n' "$tar"
}

make_kernel_kit() {
    local tar=$1 work sources proxies
    [[ ! -f $tar ]] || return 0
    need mmdebstrap=mmdebstrap
    apt_index
    sources=$(debian_sources)
    mapfile -t proxies < <(apt_proxy_options)
    work=$(mktemp -d "$state/kernel.XXXXXX")
    say "fetching Debian's kernel and making its initial file system (about a minute)"
    # The initial file system holds just what finds the disk: emulation unpacks it slowly.
    # shellcheck disable=SC2016  # expanded by mmdebstrap's shell
    printf '%s\n' "$sources" |
        mmdebstrap --variant=minbase --format=null --include="$kernel_package,initramfs-tools,busybox-static,zstd" \
            --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' "${proxies[@]}" \
            --customize-hook='printf "MODULES=list\nBUSYBOX=y\nCOMPRESS=zstd\n" >"$1/etc/initramfs-tools/conf.d/machine"' \
            --customize-hook='printf "virtio_pci\nvirtio_blk\next4\n" >>"$1/etc/initramfs-tools/modules"' \
            --customize-hook='chroot "$1" update-initramfs -u' \
            --customize-hook="mkdir -p '$work/usr/lib'; cp -L \"\$1\"/vmlinuz \"\$1\"/initrd.img '$work'; cp -a \"\$1\"/usr/lib/modules '$work/usr/lib'" \
            "$suite" /dev/null - >&2
    tar -C "$work" --owner=0 --group=0 -cf "$tar.partial" .
    rm -r "$work"
    mv "$tar.partial" "$tar"
}

# disk_make pristine|current - the disk image, from the pristine tree or from the namespaces machine as it is now.
disk_make() {
    local source=$1 again=
    need mke2fs=e2fsprogs
    qemu_unpack_kernel
    namespaces_unpack
    if [[ $source == current ]]; then
        [[ -e $ns/var.ready ]] || die "there is no namespaces machine to take the disk from"
        # What lies on a disk is whole only when nobody is writing to it.
        if namespaces_up; then
            again=yes
            namespaces_stop
        fi
    fi
    say "making a disk of $disk_size (sparse) from the $source Debian"
    rm -f "$qemu/disk.img" "$qemu/disk.img.partial"
    truncate -s "$disk_size" "$qemu/disk.img.partial"
    rm -rf "$qemu/stage"
    unshare --mount --propagation private env SOURCE="$source" NS="$ns" QEMU="$qemu" NAME="$name-qemu" \
        FRONT="$(first_port)" "$here/lib/stage-disk" >&2
    # Only now, when the mounts are gone with their namespace: some lead into the namespaces machine.
    rm -rf "$qemu/stage"
    mv "$qemu/disk.img.partial" "$qemu/disk.img"
    say "$(du -h "$qemu/disk.img" | cut -f1) used"
    [[ -z $again ]] || namespaces_start
}

qemu_unpack_kernel() {
    local tar
    [[ ! -e $qemu/kernel/ready ]] || return 0
    tar=$(kernel_kit)
    mkdir -p "$qemu/kernel"
    tar -C "$qemu/kernel" -xf "$tar"
    : >"$qemu/kernel/ready"
}

# source_image - the checkout as a read-only image for /src: what git knows and what it would add, no build products.
source_image() {
    local image=$qemu/src.img work
    work=$(mktemp -d "$qemu/src.XXXXXX")
    git -C "$checkout" -c safe.directory='*' ls-files -z --cached --others --exclude-standard |
        tar -C "$checkout" --null --files-from=- --ignore-failed-read -cf - 2>/dev/null | tar -C "$work" -xf -
    rm -f "$image"
    truncate -s 256M "$image"
    mke2fs -q -t ext4 -O ^has_journal -L src -d "$work" "$image"
    rm -r "$work"
}
