# shellcheck shell=bash
# Work in named phases, each with its duration, and all of them at the end. Needs say.sh. Sourced, never run.

# Of each that has ended: its name, its seconds, and `ok` or `FAILED`.
declare -a PHASES=()

# Whoever interrupts a phase wants all of them to end, whatever that phase makes of it.
trap 'exit 130' INT

# Runs a command as a phase. $1: its name; the rest: the command, a function or a program.
# Ends the script when the command fails.
phase() {
  local name=$1 from=$SECONDS
  shift
  say "$name: $*"
  "$@"
  PHASES+=("$name $((SECONDS - from)) ok")
}

# The same, but that a failure is noted, and the script goes on. The command has a shell of its own, which its first failure ends:
# of the variables that it sets nothing is left.
phase_or_note() {
  local name=$1 from=$SECONDS status
  shift
  say "$name: $*"
  # Not in a condition: whatever is called in one, `set -e` is off for all of it.
  set +e
  (
    set -e
    trap 'exit 130' INT
    "$@"
  )
  status=$?
  set -e
  if ((status == 0)); then
    PHASES+=("$name $((SECONDS - from)) ok")
  else
    warn "$name has failed"
    PHASES+=("$name $((SECONDS - from)) FAILED")
  fi
}

# What took how long, and how it ended.
phases_done() {
  local name seconds result
  say "took ${SECONDS}s:"
  while read -r name seconds result; do
    printf '    %5ds  %-6s  %s\n' "$seconds" "$result" "$name"
  done < <(printf '%s\n' "${PHASES[@]}")
}

# Whether one was noted that has failed.
a_phase_failed() { [[ ${PHASES[*]} == *' FAILED'* ]]; }
