# shellcheck shell=bash
# What all hosts and servers share: a registry, and a PostgreSQL. Needs cluster.sh, network.sh and postgres.sh. Sourced, never
# run.

readonly CLUSTER_REGISTRY=$CLUSTER_NET.1:5000

cluster_registry() {
  local config=$CLUSTER_DIR/registry.yml
  registry_answers && return
  say "starting a registry ($CLUSTER_REGISTRY)"
  cat >"$config" <<TEXT
version: 0.1
log: {level: warn}
storage: {filesystem: {rootdirectory: $CLUSTER_DIR/registry}, delete: {enabled: true}}
http: {addr: '$CLUSTER_REGISTRY'}
TEXT
  setsid --fork bash scripts/lib/detached "$CLUSTER_DIR/registry.pid" \
    docker-registry serve "$config" </dev/null >>"$CLUSTER_DIR/registry.log" 2>&1
  wait_until 20 registry_answers || die "the registry does not answer: see $CLUSTER_DIR/registry.log"
}

registry_answers() { curl -fsS --max-time 3 "http://$CLUSTER_REGISTRY/v2/" >/dev/null 2>&1; }

readonly CLUSTER_DATABASE_ADDRESS=$CLUSTER_NET.2
readonly CLUSTER_DATABASE=$CLUSTER_DIR/postgres
# With the address and the password of the database, for the servers.
readonly CLUSTER_DATABASE_FILE=$CLUSTER_DIR/database

# The words that run a program as the user of PostgreSQL, which refuses to be root's.
readonly POSTGRES_USER=(setpriv --reuid=postgres --regid=postgres --init-groups --)

# Leaves a PostgreSQL that answers, with a database `jockey` in it.
database_start() {
  local dir=$CLUSTER_DATABASE
  ! database_answers || return 0
  database_make
  say "starting PostgreSQL ($CLUSTER_DATABASE_ADDRESS:5432, log: $dir/log)"
  database_stop
  setsid --fork bash scripts/lib/detached "$dir/postgres.pid" \
    nsenter --net="/run/netns/$CLUSTER_HUB" --wd=/ "${POSTGRES_USER[@]}" \
    "$(postgres_programs)/postgres" -D "$dir/data" </dev/null >>"$dir/log" 2>&1
  wait_until "$CLUSTER_PATIENCE" database_answers || {
    tail -n 15 "$dir/log" >&2
    die "PostgreSQL does not answer: its last lines are above, all of them in $dir/log"
  }
}

# Makes its files, all of them or none.
database_make() {
  local dir=$CLUSTER_DATABASE password
  [[ ! -d $dir/data ]] || return 0
  say "making a database ($dir)"
  # Its user goes through directories that may be root's alone.
  chmod go+x "$CLUSTER_DIR" "$(dirname "$CLUSTER_DIR")"
  rm -rf "$dir"
  mkdir -m 700 "$dir"
  chown postgres "$dir"
  password=$(openssl rand -hex 16)
  database_init "$password" >"$CLUSTER_DIR/database.log" 2>&1 || {
    tail -n 15 "$CLUSTER_DIR/database.log" >&2
    die "no database can be made: the last lines of $CLUSTER_DIR/database.log are above"
  }
  (umask 077 && echo "postgres://jockey:$password@$CLUSTER_DATABASE_ADDRESS:5432/jockey" >"$CLUSTER_DATABASE_FILE")
  mv "$dir/new" "$dir/data"
}

# $1: the password of the user `jockey`. Each command on the condition of the one before: nothing else stops here at an error.
database_init() {
  local new=$CLUSTER_DATABASE/new programs
  programs=$(postgres_programs)
  as_postgres "$programs/initdb" --username=postgres --auth-local=peer --auth-host=scram-sha-256 --encoding=UTF8 \
    --locale=C.UTF-8 --pgdata="$new" &&
    as_postgres tee -a "$new/pg_hba.conf" <<<"host jockey jockey $CLUSTER_NET.0/24 scram-sha-256" &&
    as_postgres tee -a "$new/postgresql.auto.conf" <<TEXT &&
listen_addresses = '$CLUSTER_DATABASE_ADDRESS'
unix_socket_directories = '$CLUSTER_DATABASE'
TEXT
    # A server of this command alone, which takes each line for a statement.
    as_postgres "$programs/postgres" --single -c exit_on_error=on -D "$new" postgres <<TEXT
CREATE ROLE jockey LOGIN PASSWORD '$1'
CREATE DATABASE jockey OWNER jockey
TEXT
}

# Runs a command as the user of PostgreSQL, who may not see this directory.
as_postgres() { (cd / && exec "${POSTGRES_USER[@]}" "$@"); }

database_answers() {
  "$(postgres_programs)/pg_isready" --quiet --timeout=3 --host="$CLUSTER_DATABASE_ADDRESS" --port=5432
}

# Ends it, as a power cut would: what it has answered is on the disk.
database_stop() {
  local pid
  pid=$(cat "$CLUSTER_DATABASE/postgres.pid" 2>/dev/null) || return 0
  process_tells "$pid" postgres "$CLUSTER_DATABASE/" || return 0
  kill -QUIT "$pid"
  wait_until "$CLUSTER_PATIENCE" database_is_gone "$pid" ||
    die "PostgreSQL (process $pid) does not end: see $CLUSTER_DATABASE/log, and end it with kill -9 $pid"
}

database_is_gone() { ! process_tells "$1" postgres "$CLUSTER_DATABASE/"; }
