# shellcheck shell=bash
# A PostgreSQL whose programs the tests start. Needs say.sh and packages.sh. Sourced, never run.

# The newest programs of Debian's package, or those in PATH.
postgres_is_there() {
  compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || have initdb
}

# Installs the programs. The package would make a cluster for everybody and start it; the tests start their own, and what
# was not there before does not run afterwards.
ensure_postgres() {
  local config=/etc/postgresql-common/createcluster.conf
  ensure_packages 'util-linux|command -v setsid && command -v runuser'
  if ! postgres_is_there; then
    if [[ ! -e $config ]]; then
      as_root mkdir -p "${config%/*}"
      say "no cluster is made by the package of PostgreSQL ($config)"
      echo 'create_main_cluster = false' | as_root tee "$config" >/dev/null
    fi
    ensure_packages 'postgresql|false'
  fi
  ((EUID == 0)) || return 0
  id postgres >/dev/null 2>&1 || as_root useradd --system --home-dir /var/lib/postgresql --shell /bin/bash postgres
}

# The directory of the newest programs there are.
postgres_programs() {
  local newest
  newest=$(compgen -G '/usr/lib/postgresql/*/bin/initdb' | sort -V | tail -n 1)
  [[ -n $newest ]] || newest=$(command -v initdb)
  dirname "$newest"
}
