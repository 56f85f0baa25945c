# shellcheck shell=bash
# Servers (`jockeyd serve --dev`) in the background, each with its state, its log and its pid file in a directory of its
# own: the only one's is ./.jockey. Needs say.sh and cargo.sh, and to be at the root of the repository. Sourced, never run.

readonly STATE=${QUICKSTART_STATE:-.jockey}
# Seconds. A start on an old database migrates it; a stop finishes or hands over what is held.
readonly SERVER_PATIENCE=60

# Where `jockey` finds it, for other ports than the default.
[[ -z ${JOCKEY_LISTEN-} ]] || export JOCKEY_SERVER=http://$JOCKEY_LISTEN

server_log() { printf '%s/jockeyd.log' "$1"; }
server_pidfile() { printf '%s/jockeyd.pid' "$1"; }

# Prints the process id of the server of a directory, if it runs. A pid file may outlive its process, and the number be
# somebody else's by now.
server_pid() {
  local dir=$1 pid
  pid=$(cat "$(server_pidfile "$dir")" 2>/dev/null) && [[ -n $pid ]] || return 1
  [[ $(readlink "/proc/$pid/exe" 2>/dev/null) == */jockeyd* && /proc/$pid/cwd -ef . ]] || return 1
  tr '\0' '\n' 2>/dev/null <"/proc/$pid/cmdline" | grep -qxF -- "$dir" || return 1
  printf '%s' "$pid"
}

# Leaves a server answering that is the program as it was built last. $1: its directory; the rest: what it is told besides.
server_start() {
  local dir=$1 pid program
  shift
  program=$(programs)/jockeyd
  mkdir -p "$dir"
  if pid=$(server_pid "$dir"); then
    if [[ /proc/$pid/exe -ef $program ]]; then
      server_await "$dir"
      say "jockeyd runs already (process $pid, log: $(server_log "$dir"))"
      return
    fi
    say "jockeyd was built anew since it was started"
    server_stop "$dir"
  fi
  # Those of one that was killed; it says there where it listens, once it does, and a dead process would be taken for its own.
  rm -f "$dir/address" "$(server_pidfile "$dir")"
  say "starting jockeyd serve --dev in the background (log: $(server_log "$dir"), pid file: $(server_pidfile "$dir"))"
  # In a session of its own, so that neither Ctrl-C here nor the end of the terminal reaches it.
  setsid --fork bash scripts/lib/detached "$(server_pidfile "$dir")" \
    "$program" serve --dev --state-dir "$dir" --git-base-url "file://$PWD/$STATE/repos" "$@" \
    </dev/null >>"$(server_log "$dir")" 2>&1
  server_await "$dir"
}

# Waits until it answers with a node that is there.
server_await() {
  local dir=$1
  wait_until "$SERVER_PATIENCE" server_answers_or_died "$dir" || true
  if ! server_pid "$dir" >/dev/null || ! server_answers "$dir"; then
    tail -n 15 "$(server_log "$dir")" >&2
    die "jockeyd does not answer: its last lines are above, all of them in $(server_log "$dir"). Is its port taken? Another one: JOCKEY_LISTEN=127.0.0.1:4145 and the same command"
  fi
}

server_answers() {
  local address
  address=$(cat "$1/address" 2>/dev/null) || return 1
  "$(programs)/jockey" --server "$address" --token-file "$1/admin-token" nodes list >/dev/null 2>&1
}

# True also when there is nothing to wait for any more, once it has had the time to become jockeyd.
server_answers_or_died() {
  local pidfile
  server_answers "$1" && return
  pidfile=$(server_pidfile "$1")
  [[ -s $pidfile ]] && ! kill -0 "$(<"$pidfile")" 2>/dev/null
}

# Leaves no server. What it has deployed goes on.
server_stop() {
  local dir=$1 pid
  if ! pid=$(server_pid "$dir"); then
    rm -f "$(server_pidfile "$dir")"
    say "jockeyd does not run here"
    return
  fi
  say "stopping jockeyd (process $pid)"
  kill "$pid"
  wait_until "$SERVER_PATIENCE" server_gone "$dir" ||
    die "jockeyd (process $pid) does not stop: see $(server_log "$dir"), and end it with kill -9 $pid"
  rm -f "$(server_pidfile "$dir")"
}

server_gone() { ! server_pid "$1" >/dev/null; }
