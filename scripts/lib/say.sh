# shellcheck shell=bash
# What every script here says to its user, and how it becomes root. Sourced, never run.

# Plain words on stdout: what is done and why.
say() { printf '==> %s\n' "$*"; }

# What did not stop us but should be known.
warn() { printf 'warning: %s\n' "$*" >&2; }

# Ends the script. The message says what to do next.
die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# How long the script has run.
took() { printf '%d min %d s' $((SECONDS / 60)) $((SECONDS % 60)); }

have() { command -v "$1" >/dev/null 2>&1; }

# Ends the script when `as_root` would have no way to become root. $1: what root is needed for.
need_root() {
  [[ $EUID -eq 0 ]] || have sudo || die "root is needed to $1: run this as root, or install sudo"
}

# Runs a command as root, through sudo when we are not root.
as_root() {
  if [[ $EUID -eq 0 ]]; then "$@"; else sudo -- "$@"; fi
}

# Waits until a command succeeds. $1: seconds at most; the rest: the command.
# Returns 1 when the time is over.
wait_until() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    ((SECONDS < deadline)) || return 1
    sleep 0.2
  done
}
