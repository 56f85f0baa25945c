# shellcheck shell=bash
# A Consul agent for the tests, below target/. Needs say.sh and packages.sh. Sourced, never run.

# The newest Debian release that has a consul package.
readonly CONSUL_SUITE=bullseye
readonly CONSUL_DIR=target/consul

# Leaves $CONSUL_DIR/consul where the machine has no `consul`: the distribution's package, unpacked and not installed,
# so that it starts no agent for everybody.
ensure_consul() {
  have consul && return 0
  local root
  root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
  (
    cd "$root" || exit 1
    mkdir -p target
    # Any number of these at once make one.
    exec {lock}>target/consul.lock
    flock "$lock"
    "$CONSUL_DIR/consul" version >/dev/null 2>&1 && exit 0
    have apt-get || die "missing: consul; this machine has no apt, install it by hand and run this again"
    say "unpacking consul into $CONSUL_DIR (missing, from the distribution's packages)"
    rm -rf "$CONSUL_DIR"
    mkdir -p "$CONSUL_DIR/download/lists/partial" "$CONSUL_DIR/download/archives/partial"
    consul_package || die "no mirror of this machine has the package consul; install Consul 1.8 or later by hand"
    dpkg-deb -x "$CONSUL_DIR"/download/consul_*.deb "$CONSUL_DIR/download/package"
    # Last, and at once: what is there is whole.
    mv "$CONSUL_DIR/download/package/usr/bin/consul" "$CONSUL_DIR/consul"
    rm -rf "$CONSUL_DIR/download"
  )
}

# Leaves the package in $CONSUL_DIR/download: this release's own, else that of $CONSUL_SUITE from the mirrors that this
# machine takes its packages from, by lists of our own.
consul_package() {
  # shellcheck disable=SC2016 # expanded by apt
  local list repository options=() field='$(REPO_URI)'
  if apt-cache policy consul 2>/dev/null | grep -q 'Candidate: [0-9]'; then
    (cd "$CONSUL_DIR/download" && apt-get -qq download consul) && return 0
  fi
  list=$PWD/$CONSUL_DIR/download/sources.list
  options=(
    -qq
    -o Dir::Etc::sourcelist="$list"
    -o Dir::Etc::sourceparts=/dev/null
    -o Dir::State::lists="$PWD/$CONSUL_DIR/download/lists"
    -o Dir::Cache::archives="$PWD/$CONSUL_DIR/download/archives"
    -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=
    # This directory is not another user's to read.
    -o APT::Sandbox::User="$(id -un)"
  )
  while read -r repository; do
    echo "deb $repository $CONSUL_SUITE main" >"$list"
    apt-get "${options[@]}" update >"$CONSUL_DIR/download/log" 2>&1 &&
      (cd "$CONSUL_DIR/download" && apt-get "${options[@]}" download consul) >>"$CONSUL_DIR/download/log" 2>&1 &&
      return 0
    tail -n 5 "$CONSUL_DIR/download/log" >&2
  done < <(apt-get indextargets --format "$field" | sort -u | grep -v -- '-security')
  return 1
}
