# shellcheck shell=bash
# Work in named phases, each with its duration, and all of them at the end. Needs say.sh. Sourced, never run.

declare -a PHASES=()

# Runs a command as a phase. $1: its name; the rest: the command, a function or a program.
# Ends the script when the command fails.
phase() {
  local name=$1 from=$SECONDS
  shift
  say "$name: $*"
  "$@"
  PHASES+=("$(printf '%5ds  %s' $((SECONDS - from)) "$name")")
}

# What took how long.
phases_done() {
  say "took ${SECONDS}s:"
  printf '    %s\n' "${PHASES[@]}"
}
