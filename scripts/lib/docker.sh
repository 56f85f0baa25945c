# shellcheck shell=bash
# A Docker daemon on this machine: the one that answers, else one of our own starting.
# Needs say.sh. Sourced, never run.

readonly DOCKER_SOCKET=/var/run/docker.sock
readonly DOCKER_PIDFILE=/var/run/docker.pid
readonly DOCKERD_LOG=/var/log/jockey-dockerd.log
readonly DOCKERD_LOCK=/var/lock/jockey-dockerd.lock
# Seconds. A first start makes its storage and network; a start after a crash cleans up.
readonly DOCKERD_PATIENCE=60

# Whether a daemon answers, asked as this user.
docker_answers() {
  curl -fsS --max-time 3 --unix-socket "$DOCKER_SOCKET" http://docker/_ping >/dev/null 2>&1
}

# The same, asked as root: a daemon that only root may talk to is there all the same.
docker_answers_root() {
  docker_answers ||
    { [[ -S $DOCKER_SOCKET && $EUID -ne 0 ]] && have sudo &&
      sudo -- curl -fsS --max-time 3 --unix-socket "$DOCKER_SOCKET" http://docker/_ping >/dev/null 2>&1; }
}

# Leaves a daemon answering at $DOCKER_SOCKET to this user, or ends the script and says why.
# Never starts a second one: two in one network namespace take away each other's bridge.
ensure_dockerd() {
  if ! docker_answers_root; then
    need_root "start the Docker daemon"
    if [[ -d /run/systemd/system ]] && systemctl cat docker.service >/dev/null 2>&1; then
      start_dockerd_by_systemd
    else
      start_dockerd_detached
    fi
  fi
  docker_answers ||
    die "the Docker daemon answers root but not $(id -un): run 'sudo usermod -aG docker $(id -un)' and log in again (whoever may use Docker is as good as root on this machine)"
  describe_dockerd
}

start_dockerd_by_systemd() {
  say "starting the Docker daemon (systemctl start docker)"
  as_root systemctl start docker.service || true
  wait_until "$DOCKERD_PATIENCE" docker_answers_root && return
  as_root journalctl --no-pager -n 40 -u docker.service >&2 || true
  die "the Docker daemon does not answer at $DOCKER_SOCKET: its last lines are above"
}

# Where no init system runs services: a detached dockerd of our own, which outlives this script.
start_dockerd_detached() {
  prepare_cgroups
  prepare_iptables
  say "starting the Docker daemon in the background (log: $DOCKERD_LOG, pid file: $DOCKER_PIDFILE)"
  local lines_before
  lines_before=$(as_root wc -l "$DOCKERD_LOG" 2>/dev/null | cut -d ' ' -f 1) || true
  # Under a lock, so that two of these scripts at once start one daemon, which must not inherit it.
  as_root flock --close --timeout "$DOCKERD_PATIENCE" "$DOCKERD_LOCK" \
    bash "$(dirname "${BASH_SOURCE[0]}")/start-dockerd" \
    "$DOCKER_SOCKET" "$DOCKER_PIDFILE" "$DOCKERD_LOG" "$DOCKERD_PATIENCE" && return
  as_root tail -n "+$((${lines_before:-0} + 1))" "$DOCKERD_LOG" | grep -v 'level=info' | tail -n 20 >&2 || true
  die "the Docker daemon does not answer: its last words are above, all of them in $DOCKERD_LOG"
}

# A machine without an init system may have no control groups mounted; containers need them.
prepare_cgroups() {
  grep -qE '^[^ ]+ /sys/fs/cgroup[^ ]* cgroup2? ' /proc/self/mounts && return
  say "mounting the control groups (none are mounted)"
  as_root mkdir -p /sys/fs/cgroup
  as_root mount -t cgroup2 cgroup2 /sys/fs/cgroup ||
    die "no control groups could be mounted: Docker cannot limit, hence not start, containers here"
}

# The daemon writes NAT rules. Some kernels have only one of the two families that iptables speaks.
prepare_iptables() {
  as_root iptables -w -t nat -L -n >/dev/null 2>&1 && return
  local family
  for family in legacy nft; do
    if have "iptables-$family" && as_root "iptables-$family" -w -t nat -L -n >/dev/null 2>&1; then
      say "switching iptables to iptables-$family (the other family does not work on this kernel)"
      as_root update-alternatives --set iptables "$(command -v "iptables-$family")" >/dev/null
      return
    fi
  done
  die "iptables cannot write NAT rules on this kernel (tried nft and legacy): published ports would not work"
}

describe_dockerd() {
  local facts driver
  facts=$(docker version --format 'Docker {{.Server.Version}}, API {{.Server.APIVersion}}') ||
    die "the docker client does not get on with the daemon: see above"
  driver=$(docker info --format '{{.Driver}}' 2>/dev/null)
  say "$facts answers at $DOCKER_SOCKET (storage: $driver)"
  [[ $driver != vfs ]] ||
    warn "the vfs storage driver copies every layer: slow and large, fine for trying things out"
}
