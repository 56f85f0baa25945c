# shellcheck shell=bash
# Base images without a public registry. Needs say.sh. Sourced, never run.

# Seconds. Where no registry can be reached, a pull may hang instead of failing.
readonly PULL_PATIENCE=20

# Leaves an image `busybox:1` in the daemon: the one that is there, else the public one, else one of
# that name made from the distribution's busybox-static. Any number of these at once make one.
ensure_busybox() {
  docker image inspect busybox:1 >/dev/null 2>&1 && return
  local lock
  exec {lock}>"${TMPDIR:-/tmp}/jockey-images.$EUID.lock"
  flock "$lock"
  find_or_make_busybox
  exec {lock}>&-
}

find_or_make_busybox() {
  docker image inspect busybox:1 >/dev/null 2>&1 && return
  if timeout "$PULL_PATIENCE" docker pull --quiet busybox:1 >/dev/null 2>&1; then
    say "pulled busybox:1"
    return
  fi
  say "busybox:1 could not be pulled; making an image of that name from the distribution's busybox-static"
  make_busybox busybox:1
}

# Makes an image out of the machine's own static busybox. $1: its name.
make_busybox() {
  local binary root
  binary=$(command -v busybox) || die "no busybox on this machine: install the package busybox-static"
  ! ldd "$binary" >/dev/null 2>&1 ||
    die "$binary is linked dynamically and would not run alone: install the package busybox-static"
  root=$(mktemp -d)
  mkdir -p "$root"/{bin,dev,etc,home,proc,root,sys,tmp,usr/bin,var}
  chmod 1777 "$root/tmp"
  chmod 0755 "$root"
  cp "$binary" "$root/bin/busybox"
  printf '%s\n' 'root:x:0:0:root:/root:/bin/sh' 'nobody:x:65534:65534:nobody:/home:/bin/false' >"$root/etc/passwd"
  printf '%s\n' 'root:x:0:' 'nobody:x:65534:' >"$root/etc/group"
  # By hand instead of by `--install -s`, whose links would name this machine's path of the binary.
  "$root/bin/busybox" --list | while read -r applet; do
    [[ $applet == busybox ]] || ln -s busybox "$root/bin/$applet"
  done
  ln -s ../../bin/env "$root/usr/bin/env"
  tar -C "$root" --owner=0 --group=0 --numeric-owner -c . |
    docker import --change 'CMD ["sh"]' --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' - "$1" >/dev/null ||
    { rm -rf "$root"; die "the image $1 could not be imported: see above"; }
  rm -rf "$root"
}
