# shellcheck shell=bash
# What is shown on the cluster: a deploy over three hosts, a host that is lost, a server that is killed, and both back. Needs
# cluster.sh, hosts.sh, servers.sh and sample-app.sh. Sourced, never run.

# What `rebalance` calls the pool that every host has joined.
readonly CLUSTER_POOL=development/api

cluster_story() {
  show_deploy
  show_lost_host
  show_killed_server
  show_return
}

# Says what comes next. $1: which of four it is; $2: what.
act() {
  printf '\n'
  say "$1 of 4: $2"
}

show_deploy() {
  act 1 "the sample app is deployed over three hosts"
  if ! "$(programs)/jockey" apps show sample >/dev/null 2>&1; then
    run_jockey apps create sample --repo example/sample-app
  fi
  run_jockey nodes list
  run_jockey config set "${TARGET[@]}" GREETING=hello
  run_jockey deploy "${TARGET[@]}" HEAD
  run_jockey scale "${TARGET[@]}" web=3
  wait_until "$CLUSTER_PATIENCE" web_is 3 nowhere || web_fails "does not get healthy"
  if ! web_is_on host-3; then
    say "of what has run before, nothing is on host-3, and nothing moves that serves unless it is told to"
    run_jockey nodes rebalance "$CLUSTER_POOL"
  fi
  run_jockey status "${TARGET[@]}"
  ask_everywhere
}

show_lost_host() {
  local from
  act 2 "host-3 goes: its Docker daemon and its Consul agent are killed, and its link is cut"
  host_kill host-3
  from=$SECONDS
  say "until Consul says that it has failed it is only silent, and nothing is stopped or moved for that"
  wait_until "$CLUSTER_PATIENCE" web_is 3 host-3 || web_fails "does not heal"
  say "three of web are healthy on the other hosts, $((SECONDS - from)) s after host-3 went"
  run_jockey nodes list
  run_jockey status "${TARGET[@]}"
  ask_everywhere
}

show_killed_server() {
  act 3 "server-1 goes as well, the one that has answered until now: it is killed"
  server_kill server-1
  say "jockey speaks to one server at a time: from here on to server-2, which has heard nothing of what was typed above"
  speak_to server-2
  printf '\n$ export JOCKEY_SERVER=%s\n' "$JOCKEY_SERVER"
  run_jockey status "${TARGET[@]}"
  say "server-1 may have kept the environment: server-2 takes over what is not renewed, within 15 s"
  run_jockey scale "${TARGET[@]}" web=4
  wait_until "$CLUSTER_PATIENCE" web_is 4 host-3 || web_fails "is not scaled"
  run_jockey status "${TARGET[@]}"
  ask_everywhere
}

show_return() {
  act 4 "host-3 and server-1 come back: what host-3 had goes, and nothing runs twice"
  host_return host-3
  wait_until "$CLUSTER_PATIENCE" host_is_empty host-3 ||
    die "host-3 keeps what it had: see $(server_log "$(server_dir server-2)")"
  cluster_server_start server-1
  speak_to server-1
  printf '\n$ export JOCKEY_SERVER=%s\n' "$JOCKEY_SERVER"
  run_jockey nodes list
  say "nothing moves that serves, unless it is told to"
  run_jockey nodes rebalance "$CLUSTER_POOL"
  run_jockey status "${TARGET[@]}"
}

# Ends the script. $1: what web does not do.
web_fails() {
  local server logs=()
  for server in "${CLUSTER_SERVERS[@]}"; do logs+=("$(server_log "$(server_dir "$server")")"); done
  run_jockey status "${TARGET[@]}" || true
  die "web $1: see ${logs[*]}"
}

# What `jockey status` tells of healthy instances of web; $1: which of its fields, one a line. Called in a subshell, which may
# outlive a script that is killed, and must not keep its locks.
web() {
  exec 8>&- 9>&-
  "$(programs)/jockey" status "${TARGET[@]}" -o json |
    jq -r --arg field "$1" '.. | objects
      | select(.worker? == "web" and .health?.state? == "HEALTH_STATE_HEALTHY") | .[$field]' | sort
}

# Whether so many healthy instances of web are on other hosts than this one, and no more.
web_is() {
  local nodes
  nodes=$(web node 2>/dev/null)
  [[ $(wc -l <<<"$nodes") -eq $1 ]] && ! grep -qxF "$2" <<<"$nodes"
}

web_is_on() { grep -qxF "$1" <<<"$(web node)"; }

host_is_empty() {
  [[ -z $(host_docker "$1" ps --all --quiet --filter "label=jockey.installation=$(<"$(server_dir server-2)/installation")") ]]
}

ask_everywhere() {
  local address
  for address in $(web address); do
    printf '\n$ curl http://%s/\n' "$address"
    curl --fail --silent --show-error --max-time 10 "http://$address/"
  done
}
