# shellcheck shell=bash
# Two servers on one PostgreSQL, which share everything but their own directories. Needs cluster.sh and dev-server.sh. Sourced,
# never run.

readonly CLUSTER_SERVERS=(server-1 server-2)
# Where the first listens; the second at the next port.
readonly CLUSTER_LISTEN=${JOCKEY_LISTEN:-127.0.0.1:4045}

servers_expect_addresses() {
  [[ $CLUSTER_LISTEN =~ ^[^:]+:[0-9]{1,5}$ ]] || die "JOCKEY_LISTEN is ADDRESS:PORT, as in 127.0.0.1:4145, and not $CLUSTER_LISTEN"
}

server_dir() { printf '%s/%s' "$STATE" "$1"; }
server_listen() { printf '%s:%d' "${CLUSTER_LISTEN%:*}" "$((${CLUSTER_LISTEN##*:} + ${1#server-} - 1))"; }
server_url() { printf 'http://%s' "$(server_listen "$1")"; }

# The first makes the tables and the key, before the second needs them.
servers_start() {
  local server
  for server in "${CLUSTER_SERVERS[@]}"; do
    cluster_server_start "$server"
  done
  speak_to server-1
}

cluster_server_start() {
  say "$1 of two, at $(server_url "$1"):"
  server_start "$(server_dir "$1")" --listen "$(server_listen "$1")" \
    --database-file "$CLUSTER_DATABASE_FILE" --key-file "$CLUSTER_DIR/key" \
    --docker "tcp://$(host_address host-1):2376" --docker-certs "$CLUSTER_DIR/certificates" \
    --node host-1 --node-address "$(host_address host-1)" \
    --consul "$(agent_url host-1)" --registry "$CLUSTER_REGISTRY/apps"
}

# From now on `jockey` speaks to this one. A token is good at both.
speak_to() {
  JOCKEY_SERVER=$(server_url "$1")
  # `jockey` finds the token of a server of this directory only below .jockey.
  JOCKEY_TOKEN=$(<"$(server_dir "$1")/admin-token")
  export JOCKEY_SERVER JOCKEY_TOKEN
}

# Ends it as a power cut would.
server_kill() {
  local dir pid
  dir=$(server_dir "$1")
  pid=$(server_pid "$dir") || return 0
  printf '\n$ kill -9 %s\n' "$pid"
  kill -KILL "$pid"
  wait_until "$SERVER_PATIENCE" server_gone "$dir" || die "$1 (process $pid) does not end"
}

# Before all of it goes.
servers_end() {
  local server
  for server in "${CLUSTER_SERVERS[@]}"; do
    say "$server:"
    # What it does not finish is taken away as well.
    (server_stop "$(server_dir "$server")") || server_kill "$server"
  done
}
