# shellcheck shell=bash
# A Docker Engine of a script's own, at /var/run/docker.sock in namespaces of its own: of network, mounts and processes. So it
# is a clean machine's, no port or name of this machine's is in its way, and all of it ends with the script, also when that is
# killed. Needs root, say.sh and packages.sh. Sourced, never run; one at a time.

# Seconds. A first start makes its storage.
readonly ENGINE_PATIENCE=60
# Below it everything that an engine keeps.
readonly ENGINES=${TMPDIR:-/tmp}/jockey-engines

ENGINE_DIR=
ENGINE_PID=
declare -a ENGINE_BESIDE=()

ensure_engine_tools() {
  ensure_packages \
    'docker.io|command -v dockerd' \
    'docker-cli|command -v docker' \
    'iptables|command -v iptables' \
    'iproute2|command -v ip' \
    'procps|command -v pgrep' \
    'util-linux|command -v unshare && command -v nsenter && command -v setpriv' \
    'slirp4netns|command -v slirp4netns'
}

# Starts it. $1: a root directory of another release with a dockerd in it; left out, this machine's.
engine_open() {
  [[ $EUID -eq 0 ]] || die "root is needed to start a Docker daemon in namespaces of its own: run this as root"
  engine_sweep
  ENGINE_DIR=$(mktemp -d "$ENGINES/XXXXXX")
  # Held by this script, and by what it starts, as long as they live.
  exec {ENGINE_LOCK}>"$ENGINE_DIR/lock"
  flock "$ENGINE_LOCK"
  mkdir "$ENGINE_DIR"/{data,tmp,bin}
  setpriv --pdeathsig KILL unshare --net --mount --pid --fork --kill-child=KILL --mount-proc \
    bash "$(dirname "${BASH_SOURCE[0]}")/engine-init" "$ENGINE_DIR" "${1-}" </dev/null >"$ENGINE_DIR/dockerd.log" 2>&1 &
  ENGINE_PID=$!
  if ! wait_until "$ENGINE_PATIENCE" engine_answers_or_ended || ! engine_answers; then
    tail -n 20 "$ENGINE_DIR/dockerd.log" >&2
    die "a Docker daemon of its own does not start: its last words are above"
  fi
  say "Docker $(in_engine docker version --format '{{.Server.Version}}, API {{.Server.APIVersion}}') runs apart from the rest of this machine"
}

# **Invariant:** nothing runs in the namespaces before they are there: until then they are this machine's.
engine_answers() { [[ -e $ENGINE_DIR/made ]] && in_engine docker version >/dev/null 2>&1; }
engine_answers_or_ended() { engine_answers || ! kill -0 "$ENGINE_PID" 2>/dev/null; }

# Runs a command in the engine's namespaces, in the directory in which the engine was opened.
in_engine() {
  nsenter --target "$ENGINE_PID" --net --mount --pid="/proc/$ENGINE_PID/ns/pid_for_children" --wd -- \
    env TMPDIR="$ENGINE_DIR/tmp" PATH="$ENGINE_DIR/bin:$PATH" "$@"
}

# Starts its daemon anew. $1: its settings; the rest: arguments besides.
engine_restart() {
  cp "$1" "$ENGINE_DIR/daemon.json"
  shift
  # There before the daemon ends, which is when it is looked at.
  : >"$ENGINE_DIR/again.new"
  (($# == 0)) || printf '%s\n' "$@" >"$ENGINE_DIR/again.new"
  mv "$ENGINE_DIR/again.new" "$ENGINE_DIR/again"
  in_engine pkill --exact dockerd
  wait_until "$ENGINE_PATIENCE" engine_is_new ||
    die "the Docker daemon does not start with these settings: $(tail -n 3 "$ENGINE_DIR/dockerd.log")"
}

engine_is_new() { [[ ! -e $ENGINE_DIR/again ]] && engine_answers; }

# Lets it reach what this machine reaches, but for this machine's own loopback.
engine_reach_out() {
  setpriv --pdeathsig KILL slirp4netns --configure --mtu=1500 --disable-host-loopback "$ENGINE_PID" tap0 \
    </dev/null >"$ENGINE_DIR/slirp.log" 2>&1 &
  ENGINE_BESIDE+=($!)
  wait_until 20 engine_has_route ||
    die "the network of a Docker daemon of its own does not reach out: $(tail -n 3 "$ENGINE_DIR/slirp.log")"
}

engine_has_route() { in_engine ip route show default 2>/dev/null | grep -q tap0; }

# Ends it, with all that runs in it and all that it keeps. Safe to call at any time.
engine_close() {
  local pid init
  [[ -n $ENGINE_DIR ]] || return 0
  for pid in "${ENGINE_BESIDE[@]}"; do kill "$pid" 2>/dev/null || true; done
  if [[ -n $ENGINE_PID ]]; then
    # The kernel kills whatever runs in a namespace whose first process ends; that one's parent ends after all of them.
    if init=$(pgrep --parent "$ENGINE_PID"); then kill -KILL "$init"; else kill -KILL "$ENGINE_PID" 2>/dev/null || true; fi
    wait "$ENGINE_PID" 2>/dev/null || true
  fi
  engine_remove "$ENGINE_DIR"
  exec {ENGINE_LOCK}>&-
  ENGINE_DIR='' ENGINE_PID='' ENGINE_BESIDE=()
}

# What a script that was killed has left. $1: its directory. Its mounts have gone with its namespace.
engine_remove() {
  local group
  for group in /sys/fs/cgroup/*/"jockey-engine-${1##*/}" /sys/fs/cgroup/"jockey-engine-${1##*/}"; do
    # Groups are removed from the innermost out, and have no files that could be.
    [[ ! -d $group ]] || find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || true
  done
  # The lock last: what an interruption leaves is still known for what it is.
  find "$1" -mindepth 1 -maxdepth 1 ! -name lock -exec rm -rf --one-file-system {} +
  rm -rf "$1"
}

engine_sweep() {
  local left
  mkdir -p "$ENGINES"
  for left in "$ENGINES"/*/; do
    left=${left%/}
    # One without a lock is being made this moment, or was left at that moment and is empty.
    [[ -e $left/lock ]] || continue
    if flock --nonblock "$left/lock" true; then engine_remove "$left"; fi
  done
}
