# shellcheck shell=bash
# The sample app as a git repository, and its way to a reachable instance. Needs say.sh, cargo.sh and dev-server.sh,
# and to be at the root of the repository. Sourced, never run.

readonly SAMPLE=$STATE/repos/example/sample-app
readonly TARGET=(-a sample -e development)

# Makes a repository of examples/sample-app below the server's base. One that is there is its user's, and stays.
sample_repository() {
  if [[ -d $SAMPLE/.git ]]; then
    say "the repository of the sample app is there ($SAMPLE)"
    return
  fi
  say "making a git repository of examples/sample-app ($SAMPLE)"
  local new=$STATE/repos/.sample-app.new
  rm -rf "$new" "$SAMPLE"
  mkdir -p "$new" "$(dirname "$SAMPLE")"
  cp -R examples/sample-app/. "$new"
  (
    cd "$new" || exit 1
    # Nothing of the user's configuration: the same files are the same commit everywhere.
    export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
    export GIT_AUTHOR_DATE='2026-01-01T00:00:00Z' GIT_COMMITTER_DATE='2026-01-01T00:00:00Z'
    git init --quiet --initial-branch=main
    git config user.name 'Sample author'
    git config user.email 'sample@example.com'
    git add --all
    git commit --quiet --message 'Greet and tick'
  )
  mv "$new" "$SAMPLE"
}

# Shows a command as a person would type it, and runs it.
run_jockey() {
  local shown
  printf -v shown ' %s' "$@"
  printf '\n$ jockey%s\n' "$shown"
  # It may outlive a script that is killed, whose locks it must not keep.
  "$(programs)/jockey" "$@" 8>&- 9>&-
}

deploy_sample() {
  if "$(programs)/jockey" apps show sample >/dev/null 2>&1; then
    say "the app sample is there already"
  else
    run_jockey apps create sample --repo example/sample-app
  fi
  run_jockey config set "${TARGET[@]}" GREETING=hello
  run_jockey deploy "${TARGET[@]}" HEAD
  run_jockey scale "${TARGET[@]}" web=2
  run_jockey status "${TARGET[@]}"
  ask_sample
}

# Asks an instance of `web` as any browser would.
ask_sample() {
  local address
  address=$("$(programs)/jockey" status "${TARGET[@]}" -o json | grep -oE '127\.0\.0\.1:[0-9]+' | head -n 1) || true
  [[ -n $address ]] || die "no instance of web is listed: see jockey status ${TARGET[*]}"
  printf '\n$ curl http://%s/\n' "$address"
  curl --fail --silent --show-error --max-time 10 "http://$address/"
}
