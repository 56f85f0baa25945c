# shellcheck shell=bash
# Docker hosts: each a network namespace with a dockerd that speaks TLS and a Consul agent. Needs cluster.sh and network.sh.
# Sourced, never run.

host_address() { printf '%s.%d' "$CLUSTER_NET" "$((10 + ${1#host-}))"; }
host_netns() { printf 'jockey-%s-%s' "$1" "$CLUSTER_NUMBER"; }
host_docker() {
  local host=$1
  shift
  docker --host "unix://$CLUSTER_DIR/$host/docker.sock" "$@"
}

host_start() {
  local host=$1 dir=$CLUSTER_DIR/$1 certs=$CLUSTER_DIR/certificates
  ! host_answers "$host" || return 0
  say "starting the Docker daemon of $host ($(host_address "$host"), log: $dir/dockerd.log)"
  mkdir -p "$dir"
  # What a killed daemon leaves would be taken for one that lives.
  end_of_host "$host"
  rm -f "$dir/docker.pid" "$dir/exec/containerd/containerd.pid"
  printf '{"insecure-registries": ["%s.0/24"]}\n' "$CLUSTER_NET" >"$dir/daemon.json"
  # Not `ip netns exec`: its fresh /sys hides the cgroups.
  setsid --fork bash scripts/lib/detached "$dir/dockerd.pid" \
    nsenter --net="/run/netns/$(host_netns "$host")" dockerd --config-file "$dir/daemon.json" \
    --data-root "$dir/data" --exec-root "$dir/exec" --pidfile "$dir/docker.pid" \
    --containerd-namespace "$(host_netns "$host")" --containerd-plugins-namespace "$(host_netns "$host")-plugins" \
    --host "unix://$dir/docker.sock" --host "tcp://$(host_address "$host"):2376" \
    --tlsverify --tlscacert "$certs/ca.pem" --tlscert "$certs/engine.pem" --tlskey "$certs/engine.key" \
    </dev/null >>"$dir/dockerd.log" 2>&1
  wait_until "$CLUSTER_PATIENCE" host_answers "$host" ||
    die "the Docker daemon of $host does not answer: see $dir/dockerd.log"
}

host_answers() { host_docker "$1" version >/dev/null 2>&1; }

# Takes a host away as a power cut does: no daemon, no agent, no link.
host_kill() {
  local daemon pid
  for daemon in dockerd consul; do
    if pid=$(host_pid "$1" "$daemon"); then kill -KILL "$pid"; fi
  done
  ip -netns "$CLUSTER_HUB" link set "$1" down
}

host_return() {
  ip -netns "$CLUSTER_HUB" link set "$1" up
  host_start "$1"
  agent_start "$1"
}

# The process of a host's daemon, if it runs: its number may be another's by now.
host_pid() {
  local dir=$CLUSTER_DIR/$1 pid
  pid=$(cat "$dir/$2.pid" 2>/dev/null) && process_tells "$pid" "$2" "$dir/" && printf '%s\n' "$pid"
}

# Whether a process runs this program (a pattern), with this directory among its arguments. Arguments alone would also be
# those of who reads a log there.
process_tells() {
  local program
  program=$(readlink "/proc/$1/exe" 2>/dev/null) || return 1
  program=${program##*/}
  # As the kernel calls one whose file has gone.
  [[ ${program% (deleted)} =~ ^($2)$ ]] || return 1
  tr '\0' ' ' 2>/dev/null <"/proc/$1/cmdline" | grep -qF -- "$3"
}

# Ends what is left of a host: daemons have its directory among their arguments, containers their root below it.
end_of_host() {
  local dir=$CLUSTER_DIR/$1/ process found
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    found=()
    for process in /proc/[0-9]*; do
      # One that ends meanwhile has neither any more.
      if process_tells "${process#/proc/}" 'dockerd|containerd(-shim.*)?|consul' "$dir" ||
        awk '$5 == "/"' "$process/mountinfo" 2>/dev/null | grep -qF "$dir"; then
        found+=("${process#/proc/}")
      fi
    done
    ((${#found[@]})) || return 0
    kill -KILL "${found[@]}" 2>/dev/null || true
    sleep 0.2
  done
  die "processes of $1 do not end: ${found[*]}"
}

agent_url() { printf 'http://%s:8500' "$(host_address "$1")"; }

# The Consul agent of a host. By it the host joins the pool of the stack `api` in `development`.
agent_start() {
  local host=$1 dir=$CLUSTER_DIR/$1 address role=()
  address=$(host_address "$host")
  ! agent_answers "$host" || return 0
  say "starting the Consul agent of $host (log: $dir/consul.log)"
  # It decides within seconds that a host is gone; by default it takes its time.
  cat >"$dir/consul.json" <<TEXT
{
  "disable_update_check": true,
  "leave_on_terminate": false,
  "gossip_lan": {"probe_interval": "500ms", "probe_timeout": "300ms", "suspicion_mult": 3},
  "service": {
    "name": "jockey-api-development",
    "meta": {"zone": "zone-${host#host-}"},
    "checks": [{"name": "docker", "tcp": "$address:2376", "interval": "2s"}]
  }
}
TEXT
  # One server is enough to show it; a real cluster has three or five.
  [[ $host != host-1 ]] || role=(-server -bootstrap-expect 1)
  setsid --fork bash scripts/lib/detached "$dir/consul.pid" \
    nsenter --net="/run/netns/$(host_netns "$host")" "$(consul_program)" agent "${role[@]}" -node "$host" \
    -bind "$address" -client "$address" -data-dir "$dir/consul" -config-file "$dir/consul.json" \
    -retry-join "$(host_address host-1)" -retry-interval 1s </dev/null >>"$dir/consul.log" 2>&1
  wait_until "$CLUSTER_PATIENCE" agent_answers "$host" || die "the Consul agent of $host does not answer: see $dir/consul.log"
}

consul_program() { command -v consul || printf '%s/%s/consul' "$PWD" "$CONSUL_DIR"; }

agent_answers() {
  [[ $(curl -fsS --max-time 3 "$(agent_url "$1")/v1/status/leader" 2>/dev/null) == *:* ]]
}

# Whether so many hosts of the pool are well, as Consul sees it.
pool_has() {
  [[ $(curl -fsS --max-time 3 "$(agent_url host-1)/v1/health/service/jockey-api-development?passing" 2>/dev/null |
    jq length) == "$1" ]]
}
