# shellcheck shell=bash
# Three Docker hosts on this machine, what they share (a registry, a PostgreSQL), and two servers. Needs say.sh, cargo.sh,
# dev-server.sh, sample-app.sh, consul.sh and postgres.sh, and to be at the root of the repository. Sourced, never run.

# Tests take 10.99.1.0/24 to 10.99.250.0/24. With another number, 252 to 254, a second cluster runs beside the first.
readonly CLUSTER_NUMBER=${QUICKSTART_CLUSTER:-251}
# It becomes part of what is removed as root.
[[ $CLUSTER_NUMBER =~ ^25[1-4]$ ]] || die "QUICKSTART_CLUSTER is the number of a cluster: 251, 252, 253 or 254"
# shellcheck disable=SC2034 # read by its other parts
readonly CLUSTER_NET=10.99.$CLUSTER_NUMBER
readonly CLUSTER_HOSTS=(host-1 host-2 host-3)
readonly CLUSTER_LINK=jockey$CLUSTER_NUMBER
readonly CLUSTER_HUB=jockey-hub-$CLUSTER_NUMBER
# Short, for sockets lie below it, whose names may have 107 bytes.
readonly CLUSTER_DIR=/var/lib/jockey-cluster/$CLUSTER_NUMBER
readonly CLUSTER_ANOTHER='run this with another number, as in QUICKSTART_CLUSTER=252'
# Seconds. A first start of a dockerd makes its storage and network.
readonly CLUSTER_PATIENCE=60

for part in network hosts shared servers story; do
  # shellcheck source=/dev/null
  source "scripts/lib/cluster/$part.sh"
done

begin_cluster() {
  [[ $EUID -eq 0 ]] || die "root is needed to play several hosts: run this as root"
  servers_expect_addresses
  trap cluster_interrupted INT
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
  servers_start
  cluster_story
  cluster_next
}

# What was made stands on its own, and what is half made is not taken for whole.
cluster_interrupted() {
  printf '\n'
  say "interrupted. What is there goes on: the same command again takes it up, with --clean all of it goes"
  exit 130
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

# Leaves the hosts, the network between them, the registry and the database, whatever of it is there.
cluster_up() {
  local host
  mkdir -p "$CLUSTER_DIR"
  cluster_network
  cluster_certificates
  cluster_registry
  database_start
  for host in "${CLUSTER_HOSTS[@]}"; do
    host_start "$host"
    host_docker "$host" image inspect busybox:1 >/dev/null 2>&1 || docker save busybox:1 | host_docker "$host" load --quiet
    agent_start "$host"
  done
  wait_until "$CLUSTER_PATIENCE" pool_has 3 || die "the hosts do not join their pool: see $CLUSTER_DIR/host-1/consul.log"
}

cluster_next() {
  local token
  token="\$(cat $(server_dir server-1)/admin-token)"
  cat <<TEXT

It healed, twice; all of it in $(took). What to type next:

  export PATH="$(programs):\$PATH" JOCKEY_SERVER=$JOCKEY_SERVER JOCKEY_TOKEN=$token

  the hosts            jockey nodes list
  empty one            jockey nodes drain host-2
  take it back         jockey nodes uncordon host-2
  by the other server  jockey status ${TARGET[*]} --server $(server_url server-2)
  what Consul lists    curl -s '$(agent_url host-1)/v1/health/service/sample-web?passing' |
                         jq -r '.[].Service | "\(.Address):\(.Port)"'
  kill a server        kill -9 \$(cat $(server_pidfile "$(server_dir server-2)"))
  all of it again      scripts/quickstart --cluster          # starts what was killed
  take all away        scripts/quickstart --cluster --clean
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
  servers_end
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
  say "taking the database and the registry away"
  database_stop
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
