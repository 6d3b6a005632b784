# SPDX-License-Identifier: Apache-2.0
# For scripts to read in, which set $packages and define fail: installs the Debian packages that are
# missing.

# Run a command quietly; its output matters only if it fails.
quietly() {
  log=$(mktemp)
  if "$@" >"$log" 2>&1; then
    rm -f "$log"
  else
    tail -n 40 "$log" >&2
    rm -f "$log"
    return 1
  fi
}

missing_packages() {
  for package in $packages; do
    dpkg -s "$package" 2>/dev/null | grep -q '^Status: .* ok installed' || printf '%s ' "$package"
  done
}

install_packages() {
  missing=$(missing_packages)
  [ -n "$missing" ] || return 0
  [ "$(id -u)" -eq 0 ] || fail "please install as root: $missing"
  printf 'installing: %s\n' "$missing"
  export DEBIAN_FRONTEND=noninteractive
  quietly apt-get update || fail 'apt-get update failed'
  # shellcheck disable=SC2086 # a list of words
  quietly apt-get install -y --no-install-recommends $missing || fail "cannot install: $missing"
}
