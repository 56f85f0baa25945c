# shellcheck shell=bash
# What phases of tests print: kept below target/, one file each, and counted there. Sourced, never run.

# Runs a command, and keeps what it prints in target/$1.log, also what it says when it is interrupted. $1: the phase; the rest:
# the command.
kept() {
  local log=target/$1.log
  shift
  "$@" 2>&1 | tee --ignore-interrupts "$log"
}

# One line for all the test programs together that these files tell of.
counts() {
  awk '/^test result: / { passed += $4; failed += $6 } END { printf "%d passed, %d failed\n", passed, failed }' "$@"
}
