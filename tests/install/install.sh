#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# install.sh FOLDER: install the project below FOLDER (made anew) as a user would, build programs in
# C and C++ with pkg-config and with find_package, run them, and compare what the shared library
# exports with what the installed headers declare.
set -eu

work=$1
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)
prefix=$work/prefix
: "${CC:=cc}" "${CXX:=c++}"

say() {
  printf '== %s\n' "$*"
}

install_project() {
  say "install to $prefix"
  rm -rf "$work"
  mkdir -p "$work"
  cmake -S "$source" -B "$work/build" -DCMAKE_INSTALL_PREFIX="$prefix" -DCMAKE_INSTALL_LIBDIR=lib \
    -DSHMQ_TOOLS=OFF >"$work/log"
  cmake --build "$work/build" --parallel >>"$work/log"
  cmake --install "$work/build" >>"$work/log"
}

# use_pkg_config COMPILER FILE: against the shared and against the static library.
use_pkg_config() {
  say "pkg-config: $2"
  flags=$(pkg-config --cflags --libs shmq)
  # shellcheck disable=SC2086 # the flags are words
  $1 "$here/users/$2" $flags -o "$work/user"
  LD_LIBRARY_PATH=$prefix/lib "$work/user"
  # shellcheck disable=SC2046
  $1 "$here/users/$2" $(pkg-config --cflags shmq) "$prefix/lib/libshmq.a" -pthread -o "$work/user"
  "$work/user"
}

# The library for main loops: no other package's headers are needed.
use_uring() {
  say "pkg-config: uring.c"
  # shellcheck disable=SC2046
  $CC "$here/users/uring.c" $(pkg-config --cflags --libs shmq-uring) -o "$work/user"
  LD_LIBRARY_PATH=$prefix/lib "$work/user"
  # shellcheck disable=SC2046
  $CC "$here/users/uring.c" $(pkg-config --cflags shmq-uring) "$prefix/lib/libshmq_uring.a" \
    "$prefix/lib/libshmq.a" $(pkg-config --libs liburing) -pthread -o "$work/user"
  "$work/user"
}

# The library itself asks for the C library alone.
check_needs() {
  say "what the library needs"
  readelf -d "$prefix/lib/libshmq.so" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' >"$work/needs"
  cat "$work/needs"
  if grep -v -e '^libc\.' -e '^ld-linux' "$work/needs"; then exit 1; fi
}

use_find_package() {
  say "find_package"
  cmake -S "$here/users" -B "$work/users" -DCMAKE_PREFIX_PATH="$prefix" >>"$work/log"
  cmake --build "$work/users" >>"$work/log"
  for user in user_c user_cpp user_c_static user_uring user_uring_static; do
    "$work/users/$user"
  done
}

# declared HEADER: the names that stand after SHMQ_API and before an opening parenthesis.
declared() {
  tr '\n' ' ' <"$1" | grep -o 'SHMQ_API [^(;]*(' | sed 's/.*[ *]\([a-z_][a-z0-9_]*\)($/\1/' |
    grep -v '^__' | sort -u
}

exported() {
  nm --dynamic --defined-only "$1" | awk '{ print $3 }' | sort -u
}

# Each header has a shared library of its name, and that exports what it declares.
compare_exports() {
  for header in "$prefix"/include/*.h; do
    say "exports of $(basename "$header" .h)"
    declared "$header" >"$work/declared"
    test -s "$work/declared"
    exported "$prefix/lib/lib$(basename "$header" .h).so" | diff -u "$work/declared" -
  done
}

# The version is that of the header, and no other headers are installed than the public ones.
check_headers() {
  say "headers and version"
  ls "$source/lib/include" >"$work/public"
  ls "$prefix/include" | diff -u "$work/public" -
  numbers=$(sed -n 's/^#define SHMQ_VERSION_[A-Z]* //p' "$prefix/include/shmq.h" | paste -sd.)
  test "$(pkg-config --modversion shmq)" = "$numbers"
}

install_project
export PKG_CONFIG_PATH="$prefix/lib/pkgconfig"
check_headers
use_pkg_config "$CC" user.c
use_pkg_config "$CXX" user.cpp
use_uring
use_find_package
check_needs
compare_exports
