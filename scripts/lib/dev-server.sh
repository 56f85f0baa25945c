# shellcheck shell=bash
# `jockeyd serve --dev` in the background, with its state in ./.jockey. Needs say.sh and cargo.sh, and to be at the
# root of the repository. Sourced, never run.

readonly STATE=${QUICKSTART_STATE:-.jockey}
readonly PIDFILE=$STATE/jockeyd.pid
readonly SERVER_LOG=$STATE/jockeyd.log
# Seconds. A start on an old database migrates it; a stop finishes or hands over what is held.
readonly SERVER_PATIENCE=60

# What the server is told besides.
SERVER_MORE=()

# Where `jockey` finds it, for other ports than the default.
[[ -z ${JOCKEY_LISTEN-} ]] || export JOCKEY_SERVER=http://$JOCKEY_LISTEN

# Prints the process id of the server of this directory, if it runs. A pid file may outlive its process, and the
# number be somebody else's by now.
server_pid() {
  local pid
  pid=$(cat "$PIDFILE" 2>/dev/null) && [[ -n $pid ]] || return 1
  [[ $(readlink "/proc/$pid/exe" 2>/dev/null) == */jockeyd* && /proc/$pid/cwd -ef . ]] || return 1
  printf '%s' "$pid"
}

# Leaves a server answering that is the program as it was built last.
server_start() {
  local pid program
  program=$(programs)/jockeyd
  mkdir -p "$STATE"
  if pid=$(server_pid); then
    if [[ /proc/$pid/exe -ef $program ]]; then
      server_await "$pid"
      say "jockeyd runs already (process $pid, log: $SERVER_LOG)"
      return
    fi
    say "jockeyd was built anew since it was started"
    server_stop
  fi
  say "starting jockeyd serve --dev in the background (log: $SERVER_LOG, pid file: $PIDFILE)"
  # In a session of its own, so that neither Ctrl-C here nor the end of the terminal reaches it.
  setsid --fork bash scripts/lib/detached "$PIDFILE" \
    "$program" serve --dev --state-dir "$STATE" --git-base-url "file://$PWD/$STATE/repos" "${SERVER_MORE[@]}" \
    </dev/null >>"$SERVER_LOG" 2>&1
  server_await
}

# Waits until it answers with a node that is there.
server_await() {
  wait_until "$SERVER_PATIENCE" server_answers_or_died || true
  if ! server_pid >/dev/null || ! server_answers; then
    tail -n 15 "$SERVER_LOG" >&2
    die "jockeyd does not answer: its last lines are above, all of them in $SERVER_LOG. Is its port taken? Another one: JOCKEY_LISTEN=127.0.0.1:4045 scripts/quickstart"
  fi
}

server_answers() { "$(programs)/jockey" --token-file "$STATE/admin-token" nodes list >/dev/null 2>&1; }

# True also when there is nothing to wait for any more, once it has had the time to become jockeyd.
server_answers_or_died() {
  server_answers && return
  [[ -s $PIDFILE ]] && ! kill -0 "$(<"$PIDFILE")" 2>/dev/null
}

# Leaves no server. What it has deployed goes on.
server_stop() {
  local pid
  if ! pid=$(server_pid); then
    rm -f "$PIDFILE"
    say "jockeyd does not run here"
    return
  fi
  say "stopping jockeyd (process $pid)"
  kill "$pid"
  wait_until "$SERVER_PATIENCE" server_gone ||
    die "jockeyd (process $pid) does not stop: see $SERVER_LOG, and end it with kill -9 $pid"
  rm -f "$PIDFILE"
}

server_gone() { ! server_pid >/dev/null; }
