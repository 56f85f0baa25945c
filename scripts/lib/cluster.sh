# shellcheck shell=bash
# Three Docker hosts on this machine, each a network namespace with a dockerd that speaks TLS and a Consul agent, and a
# registry. Needs say.sh, cargo.sh, dev-server.sh, sample-app.sh and consul.sh, and to be at the root of the repository.
# Sourced, never run.

# Tests take 10.99.1.0/24 to 10.99.250.0/24. With another number, 252 to 254, a second cluster runs beside the first.
readonly CLUSTER_NUMBER=${QUICKSTART_CLUSTER:-251}
# It becomes part of what is removed as root.
[[ $CLUSTER_NUMBER =~ ^25[1-4]$ ]] || die "QUICKSTART_CLUSTER is the number of a cluster: 251, 252, 253 or 254"
readonly CLUSTER_NET=10.99.$CLUSTER_NUMBER
readonly CLUSTER_HOSTS=(host-1 host-2 host-3)
readonly CLUSTER_LINK=jockey$CLUSTER_NUMBER
readonly CLUSTER_HUB=jockey-hub-$CLUSTER_NUMBER
# Short, for sockets lie below it, whose names may have 107 bytes.
readonly CLUSTER_DIR=/var/lib/jockey-cluster/$CLUSTER_NUMBER
readonly CLUSTER_ANOTHER='run this with another number, as in QUICKSTART_CLUSTER=252'
readonly CLUSTER_REGISTRY=$CLUSTER_NET.1:5000
# Seconds. A first start of a dockerd makes its storage and network.
readonly CLUSTER_PATIENCE=60

begin_cluster() {
  [[ $EUID -eq 0 ]] || die "root is needed to play several hosts: run this as root"
  require_rust
  scripts/provision build docker
  mkdir -p "$STATE"
  note_busybox
  scripts/provision images cluster
  cluster_take
  say "building jockeyd and jockey (cargo build; the first time takes minutes)"
  cargo build --package server --package cli --bins
  lock_state
  cluster_up
  sample_repository
  cluster_server
  cluster_story
  say "all of it took $((SECONDS / 60)) min $((SECONDS % 60)) s"
  cluster_next
}

host_address() { printf '%s.%d' "$CLUSTER_NET" "$((10 + ${1#host-}))"; }
host_netns() { printf 'jockey-%s-%s' "$1" "$CLUSTER_NUMBER"; }
host_docker() {
  local host=$1
  shift
  docker --host "unix://$CLUSTER_DIR/$host/docker.sock" "$@"
}

# Makes the cluster of this number this clone's, until the script ends nobody else's to work at. **Invariant:** the note of
# whose it is stands before anything of the cluster does, and goes last.
cluster_take() {
  local link=/sys/class/net/$CLUSTER_LINK
  cluster_lock
  case $(cluster_owner) in
    "$PWD") ;;
    '') [[ ! -e $link ]] || die "there is a network $CLUSTER_LINK already, which is no cluster's: $CLUSTER_ANOTHER" ;;
    *) die "cluster $CLUSTER_NUMBER is that of $(cluster_owner): take it away there, or $CLUSTER_ANOTHER" ;;
  esac
  printf '%s\n' "$PWD" >"$CLUSTER_DIR/owner"
}

cluster_lock() {
  mkdir -p "$CLUSTER_DIR"
  exec 8>"$CLUSTER_DIR/lock"
  flock --nonblock 8 || die "another scripts/quickstart is at work at cluster $CLUSTER_NUMBER: wait for it, or $CLUSTER_ANOTHER"
}

# The clone whose the cluster is; nothing where there is none.
cluster_owner() {
  local owner
  owner=$(cat "$CLUSTER_DIR/owner" 2>/dev/null) || return 0
  # What a clone that is gone has left is for whoever comes.
  [[ -d $owner ]] || owner=$PWD
  printf '%s\n' "$owner"
}

# Leaves the hosts, the network between them and the registry, whatever of it is there.
cluster_up() {
  local host
  mkdir -p "$CLUSTER_DIR"
  cluster_network
  cluster_certificates
  cluster_registry
  for host in "${CLUSTER_HOSTS[@]}"; do
    host_start "$host"
    host_docker "$host" image inspect busybox:1 >/dev/null 2>&1 || docker save busybox:1 | host_docker "$host" load --quiet
    agent_start "$host"
  done
  wait_until "$CLUSTER_PATIENCE" pool_has 3 || die "the hosts do not join their pool: see $CLUSTER_DIR/host-1/consul.log"
}

# A bridge in a namespace of its own: the rules of this machine's own Docker would cut it.
cluster_network() {
  local hub=$CLUSTER_HUB host at
  if ! netns_is "$hub"; then
    say "making a network of three hosts ($CLUSTER_NET.0/24)"
    netns_delete "$hub"
    ip link delete "$CLUSTER_LINK" 2>/dev/null || true
    ip netns add "$hub"
    ip -netns "$hub" link set lo up
    ip -netns "$hub" link add bridge type bridge
    ip -netns "$hub" link set bridge up
    ip link add "$CLUSTER_LINK" type veth peer name uplink netns "$hub"
    ip -netns "$hub" link set uplink master bridge up
    ip address add "$CLUSTER_NET.1/24" dev "$CLUSTER_LINK"
    ip link set "$CLUSTER_LINK" up
  fi
  for host in "${CLUSTER_HOSTS[@]}"; do
    at=$(host_netns "$host")
    if ! netns_is "$at"; then
      # A daemon of before lives in a network that is gone.
      end_of_host "$host"
      netns_delete "$at"
      ip netns add "$at"
      ip -netns "$at" link set lo up
      ip -netns "$hub" link add "$host" type veth peer name eth0 netns "$at"
      ip -netns "$at" address add "$(host_address "$host")/24" dev eth0
      ip -netns "$at" link set eth0 up
    fi
    ip -netns "$hub" link set "$host" master bridge up
  done
}

netns_is() { ip -netns "$1" link show >/dev/null 2>&1; }

# A name may be left over of a boot before, without a network behind it.
netns_delete() {
  ip netns delete "$1" 2>/dev/null || rm -f "/run/netns/$1"
}

cluster_certificates() {
  local certs=$CLUSTER_DIR/certificates names host
  [[ ! -s $certs/key.pem ]] || return 0
  say "making certificates for the hosts and the server ($certs)"
  rm -rf "$certs"
  mkdir -m 700 "$certs"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 -subj '/CN=CA of a cluster' \
    -keyout "$certs/ca.key" -out "$certs/ca.pem" 2>/dev/null
  names=$(for host in "${CLUSTER_HOSTS[@]}"; do printf 'IP:%s,' "$(host_address "$host")"; done)
  certificate engine "subjectAltName=${names%,}"
  certificate cert 'extendedKeyUsage=clientAuth'
  mv "$certs/cert.key" "$certs/key.pem"
}

# $1: its name; $2: what it may be used for.
certificate() {
  local certs=$CLUSTER_DIR/certificates
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" \
    -keyout "$certs/$1.key" -out "$certs/$1.request" 2>/dev/null
  openssl x509 -req -in "$certs/$1.request" -CA "$certs/ca.pem" -CAkey "$certs/ca.key" -CAcreateserial -days 365 \
    -extfile <(printf '%s\n' "$2") -out "$certs/$1.pem" 2>/dev/null
}

cluster_registry() {
  local config=$CLUSTER_DIR/registry.yml
  registry_answers && return
  say "starting a registry ($CLUSTER_REGISTRY)"
  cat >"$config" <<TEXT
version: 0.1
log: {level: warn}
storage: {filesystem: {rootdirectory: $CLUSTER_DIR/registry}, delete: {enabled: true}}
http: {addr: '$CLUSTER_REGISTRY'}
TEXT
  setsid --fork bash scripts/lib/detached "$CLUSTER_DIR/registry.pid" \
    docker-registry serve "$config" </dev/null >>"$CLUSTER_DIR/registry.log" 2>&1
  wait_until 20 registry_answers || die "the registry does not answer: see $CLUSTER_DIR/registry.log"
}

registry_answers() { curl -fsS --max-time 3 "http://$CLUSTER_REGISTRY/v2/" >/dev/null 2>&1; }

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
  [[ $(curl -fsS --max-time 3 "http://$(host_address "$1"):8500/v1/status/leader" 2>/dev/null) == *:* ]]
}

# Whether so many hosts of the pool are well, as Consul sees it.
pool_has() {
  [[ $(curl -fsS --max-time 3 "http://$(host_address host-1):8500/v1/health/service/jockey-api-development?passing" 2>/dev/null |
    jq length) == "$1" ]]
}

cluster_server() {
  # shellcheck disable=SC2034 # read by dev-server.sh
  SERVER_MORE=(
    --docker "tcp://$(host_address host-1):2376" --docker-certs "$CLUSTER_DIR/certificates"
    --node host-1 --node-address "$(host_address host-1)"
    --consul "http://$(host_address host-1):8500" --registry "$CLUSTER_REGISTRY/apps"
  )
  server_start
  # `jockey` finds the token of a server of this directory only below .jockey.
  JOCKEY_TOKEN=$(<"$STATE/admin-token")
  export JOCKEY_TOKEN
}

# Deploys over three hosts, loses one, and has it back.
cluster_story() {
  if ! "$(programs)/jockey" apps show sample >/dev/null 2>&1; then
    run_jockey apps create sample --repo example/sample-app
  fi
  run_jockey nodes list
  run_jockey config set "${TARGET[@]}" GREETING=hello
  run_jockey deploy "${TARGET[@]}" HEAD
  run_jockey scale "${TARGET[@]}" web=3
  # Where there was a cluster before, they stay where they are: nothing moves that serves.
  wait_until "$CLUSTER_PATIENCE" web_is_without nowhere || die "web does not get healthy: see $SERVER_LOG"
  run_jockey status "${TARGET[@]}"
  ask_everywhere

  say "host-3 goes: its Docker daemon and its Consul agent are killed, and its link is cut"
  host_kill host-3
  say "until Consul says that it has failed it is only silent, and nothing is stopped or moved for that"
  wait_until "$CLUSTER_PATIENCE" web_is_without host-3 || die "web does not heal: see $SERVER_LOG"
  run_jockey nodes list
  run_jockey status "${TARGET[@]}"
  ask_everywhere

  say "host-3 comes back: what it had goes, and nothing runs twice"
  host_return host-3
  wait_until "$CLUSTER_PATIENCE" host_is_empty host-3 || die "host-3 keeps what it had: see $SERVER_LOG"
  run_jockey nodes list
}

# What `jockey status` tells of healthy instances of web; $1: which of its fields, one a line.
web() {
  "$(programs)/jockey" status "${TARGET[@]}" -o json |
    jq -r --arg field "$1" '.. | objects
      | select(.worker? == "web" and .health?.state? == "HEALTH_STATE_HEALTHY") | .[$field]' | sort
}

# Whether three healthy instances of web are on other hosts than this one.
web_is_without() {
  local nodes
  nodes=$(web node 2>/dev/null)
  [[ $(wc -l <<<"$nodes") -eq 3 ]] && ! grep -qxF "$1" <<<"$nodes"
}

host_is_empty() {
  [[ -z $(host_docker "$1" ps --all --quiet --filter "label=jockey.installation=$(<"$STATE/installation")") ]]
}

ask_everywhere() {
  local address
  for address in $(web address); do
    printf '\n$ curl http://%s/\n' "$address"
    curl --fail --silent --show-error --max-time 10 "http://$address/"
  done
}

cluster_next() {
  cat <<TEXT

It healed. What to type next:

  export PATH="$(programs):\$PATH" JOCKEY_SERVER=$JOCKEY_SERVER JOCKEY_TOKEN=\$(cat $STATE/admin-token)

  the hosts          jockey nodes list
  empty one          jockey nodes drain host-2
  take it back       jockey nodes uncordon host-2
  take all away      scripts/quickstart --cluster --clean
TEXT
}

clean_cluster() {
  [[ $EUID -eq 0 ]] || die "root is needed to take the hosts away: run this as root"
  [[ ! -d $CLUSTER_DIR ]] || cluster_lock
  case $(cluster_owner) in
    "$PWD") ;;
    '') say "there is no cluster $CLUSTER_NUMBER" ;;
    *) die "cluster $CLUSTER_NUMBER is that of $(cluster_owner): take it away there" ;;
  esac
  server_stop
  if [[ -n $(cluster_owner) ]]; then cluster_down; fi
  if [[ -e $STATE/busybox ]]; then
    docker image rm busybox:1 >/dev/null 2>&1 || true
  fi
  say "removing $STATE"
  rm -rf "$STATE"
}

# Takes away all that there is of a cluster that is this clone's.
cluster_down() {
  local host pid mount
  for host in "${CLUSTER_HOSTS[@]}"; do
    say "taking $host away"
    end_of_host "$host"
    netns_delete "$(host_netns "$host")"
  done
  if pid=$(cat "$CLUSTER_DIR/registry.pid" 2>/dev/null) &&
    process_tells "$pid" '.*registry' "$CLUSTER_DIR/registry.yml"; then
    kill "$pid"
  fi
  netns_delete "$CLUSTER_HUB"
  ip link delete "$CLUSTER_LINK" 2>/dev/null || true
  # The innermost last mounted goes first.
  awk -v dir="$CLUSTER_DIR/" 'index($2, dir) == 1 { print $2 }' /proc/mounts | tac |
    while read -r mount; do umount --lazy "$mount"; done
  say "removing $CLUSTER_DIR"
  # The note last: what an interruption leaves is still this clone's.
  find "$CLUSTER_DIR" -mindepth 1 -maxdepth 1 ! -name owner ! -name lock -exec rm -rf {} +
  rm -rf "$CLUSTER_DIR"
  rmdir "$(dirname "$CLUSTER_DIR")" 2>/dev/null || true
}
