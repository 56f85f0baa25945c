# shellcheck shell=bash
# The page that says what scripts/test --full has seen the last time. Needs say.sh, consul.sh, postgres.sh, phases.sh and
# test-log.sh, and to be at the root of the repository. Sourced, never run.

readonly FULL_TEST=docs/full-test.md

# Writes it anew. $1: the commit that was run.
write_full_test() {
  local name seconds result
  {
    cat <<TEXT
# What was seen the last time

What came of the last \`scripts/test --full\`, which writes this page at its end, all of it. What its phases look at, and what none of
them does, is in [testing](testing.md).

| | |
| --- | --- |
| date | $(date --utc +%F) |
| commit | $1 |
| machine | $(sed -n 's/^PRETTY_NAME="\(.*\)"$/\1/p' /etc/os-release), $(nproc) cores, kernel $(uname -r | cut -d - -f 1) |
| Docker | $(docker version --format '{{.Server.Version}}, API {{.Server.APIVersion}}' 2>/dev/null || echo 'does not answer') |
| PostgreSQL | $("$(postgres_programs)/postgres" --version | cut -d ' ' -f 3) |
| Consul | $(consul_version) |
| simulation | $JOCKEY_SIM_SEEDS seeds in memory, $JOCKEY_SIM_SQLITE_SEEDS on SQLite, from ${JOCKEY_SIM_FROM:-1} on |
| properties | $PROPTEST_CASES cases of each |
| made-up requests | $JOCKEY_MADE_UP_SECONDS s, \`JOCKEY_MADE_UP_SEED=$JOCKEY_MADE_UP_SEED\` |

| phase | seconds | result |
| --- | --- | --- |
TEXT
    while read -r name seconds result; do
      printf '| %s | %s | %s%s |\n' "$name" "$seconds" "$result" "$(seen_by "$name")"
    done < <(printf '%s\n' "${PHASES[@]}")
    failed_tests target/{tests,postgres,faults,engines}.log
  } >"$FULL_TEST"
  say "what was seen is in $FULL_TEST"
}

# What is run, with a `+` where more than papers has changed since: as in the table of faults.
commit() {
  local head changed
  if ! head=$(git rev-parse --short HEAD) || ! changed=$(git status --porcelain -- :/ ':!/docs'); then
    echo unknown
  elif [[ -n $changed ]]; then
    echo "$head+"
  else
    echo "$head"
  fi
}

consul_version() {
  local consul=$CONSUL_DIR/consul
  ! have consul || consul=consul
  "$consul" version | awk 'NR == 1 { sub(/^v/, "", $2); print $2 }'
}

# What the log of a phase has to tell besides how it ended. $1: its name.
seen_by() {
  case $1 in
    tests | postgres) printf ': %s' "$(counts "target/$1.log")" ;;
    faults) printf ': %s cells, %s broken, see [faults](faults.md)' "$(grep -ac '^| ' target/faults.log)" "$(grep -acF '**broken**' target/faults.log)" ;;
    compose) sed -n 's/^==> \(.*\) could not be pulled; making an image of that name (.*/, a stand-in for \1/p' target/compose.log | tr -d '\n' ;;
    engines) seen_by_engines ;;
  esac
}

# One count for each, of all its suites.
seen_by_engines() {
  awk '
    function told() { if (docker) printf "%s Docker %s: %d passed, %d failed", (n++ ? ";" : ":"), docker, passed, failed }
    /^Docker .*, API / { told(); docker = $2 " " $3 " " $4; passed = failed = 0 }
    /^test result: / { passed += $4; failed += $6 }
    END { told() }' target/engines.log
}

# A list below the table, where there are any. The arguments: logs.
failed_tests() { awk '/^test .* FAILED$/ { if (!n++) print ""; print "- failed: `" $2 "`" }' "$@"; }
