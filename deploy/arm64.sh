#!/bin/sh
# Builds the services, ztc and the unit tests for arm64 by Debian's cross compiler, in a root of its own so that this machine gets no
# foreign packages; then runs ztc and the unit tests that need no server under qemu. As root: arm64.sh DIRECTORY
set -eu
directory=$1
root=$directory/root
compiler=aarch64-linux-gnu-gcc
here=$(dirname "$0")

libraries=$(awk '/^# [a-z]+$/ { section = $2 } section == "build" && /^lib.*-dev$/ { printf "%s:arm64,", $1 }' "$here/packages.txt")
if [ ! -e "$root/ready" ]; then
    rm -rf --one-file-system "$root"
    mkdir -p "$directory"
    mmdebstrap --variant=apt --architectures=amd64,arm64 --include="${libraries}libcmocka-dev:arm64,make,pkg-config,gcc,libc6-dev,\
gcc-aarch64-linux-gnu,libc6-dev-arm64-cross,qemu-user-static,file,mawk" bookworm "$root"
    touch "$root/ready"
fi

# What is committed or not: the tree as it is, without what was built.
rm -rf --one-file-system "$root/src/common" "$root/src/services" "$root/src/cli" "$root/src/tests" "$root/src/deploy"
mkdir -p "$root/src"
tar -C "$here/.." -cf - Makefile common services cli tests deploy | tar -C "$root/src" -xf -

inside() {
    chroot "$root" /usr/bin/env -i PATH=/usr/bin:/bin HOME=/tmp LC_ALL=C.UTF-8 \
        PKG_CONFIG_LIBDIR=/usr/lib/aarch64-linux-gnu/pkgconfig:/usr/share/pkgconfig sh -c "cd /src && $1"
}

inside "make CC=$compiler AR=aarch64-linux-gnu-ar PACKAGES=none all unit-programs"
bin=build/release-$compiler/bin
inside "file $bin/*"
inside "file $bin/* | grep -c 'ARM aarch64' | grep -qx 6"
inside "qemu-aarch64-static $bin/ztc --version"
inside "for test in build/release-$compiler/tests/test_base_* build/release-$compiler/tests/test_domain_* build/release-$compiler/tests/test_events_* \
    build/release-$compiler/tests/test_edge_*; do [ -x \$test ] && [ ! -d \$test ] || continue; case \$test in *.[od]) continue ;; esac; \
    qemu-aarch64-static \$test >/tmp/out 2>&1 || { cat /tmp/out; echo \"failed: \$test\"; exit 1; }; echo \"passed: \${test##*/}\"; done"
