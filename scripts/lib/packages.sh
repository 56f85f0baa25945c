# shellcheck shell=bash
# Installs what is missing from the distribution's packages. Needs say.sh. Sourced, never run.

# Installs each package whose test fails, in one apt run; asks nothing, and touches the package
# lists only when something is missing.
# Arguments: `PACKAGE|TEST`, where TEST is a shell command that succeeds when the package is not needed.
ensure_packages() {
  local missing=() entry
  for entry in "$@"; do
    bash -c "${entry#*|}" >/dev/null 2>&1 || missing+=("${entry%%|*}")
  done
  ((${#missing[@]})) || return 0
  have apt-get || die "missing: ${missing[*]}; this machine has no apt, install their likes by hand and run this again"
  need_root "install ${missing[*]}"
  say "installing ${missing[*]} (missing, from the distribution's packages)"
  apt_get update -qq || warn "the package lists could not be refreshed; trying with the old ones"
  apt_get install -y -qq --no-install-recommends "${missing[@]}" ||
    die "apt-get could not install ${missing[*]}: see above"
}

# apt-get that asks nothing, waits for another apt that holds the lock, and prints only when it fails.
apt_get() {
  local log status=0
  log=$(mktemp)
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 "$@" >"$log" 2>&1 || status=$?
  ((status == 0)) || tail -n 30 "$log" >&2
  rm -f "$log"
  return "$status"
}
