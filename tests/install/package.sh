#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# package.sh FOLDER: make the Debian package in FOLDER (made anew), install it below a root of its
# own with dpkg, run what it brought, and remove it: nothing stays.
set -eu

work=$1
source=$(cd "$(dirname "$0")/../.." && pwd)
root=$work/root

for tool in dpkg-deb dpkg-shlibdeps fakeroot; do
  command -v "$tool" >/dev/null || { echo "$tool is not here" && exit 77; }
done

make_package() {
  rm -rf "$work"
  mkdir -p "$root"
  cmake -S "$source" -B "$work/build" -DCMAKE_INSTALL_PREFIX=/usr -DCMAKE_INSTALL_LIBDIR=lib >"$work/log"
  cmake --build "$work/build" --parallel 2 >>"$work/log"
  (cd "$work/build" && cpack -G DEB -B "$work") >>"$work/log"
}

# A dpkg with a root, and a list of packages, of its own. It does not know what is on this machine,
# hence --force-depends.
own_dpkg() {
  fakeroot dpkg --root="$root" --force-not-root --force-depends --force-script-chrootless \
    --log="$work/dpkg.log" "$@" 2>>"$work/log"
}

installed() {
  find "$root/usr" ! -type d -printf '%P\n' | sort
}

check_contents() {
  installed >"$work/installed"
  cat "$work/installed"
  for file in bin/shmq bin/shmq-stat lib/libshmq.so lib/libshmq.a include/shmq.h \
    lib/pkgconfig/shmq.pc lib/cmake/shmq/shmq-config.cmake share/man/man1/shmq.1 \
    share/man/man7/shmq.7 share/bash-completion/completions/shmq \
    share/zsh/vendor-completions/_shmq; do
    grep -qx "$file" "$work/installed" || { echo "missing: $file" && exit 1; }
  done
  # Every page is there that docs/man has.
  for page in "$source"/docs/man/*; do
    grep -q "/$(basename "$page")\$" "$work/installed" || { echo "missing: $page" && exit 1; }
  done
}

make_package
package=$(ls "$work"/*.deb)
dpkg-deb --info "$package"
dpkg-deb --field "$package" Depends | grep -q 'libc6.*libjansson4.*libpopt0'
mkdir -p "$root/var/lib/dpkg/updates" "$root/var/lib/dpkg/info"
: >"$root/var/lib/dpkg/status"
own_dpkg --install "$package"
check_contents
"$root/usr/bin/shmq" --version
own_dpkg --purge shmq
test -z "$(find "$root/usr" ! -type d 2>/dev/null)"
