# shellcheck shell=bash
# A browser, and the program by which it is driven. Needs say.sh, packages.sh. Sourced, never run.

# Ubuntu has its Chromium as a snap alone, which wants a daemon of its own: there it is left to a person.
ensure_browser() {
  if have chromium && have chromedriver; then
    return
  fi
  if grep -qs '^ID=ubuntu' /etc/os-release; then
    warn "no chromium and chromedriver in the PATH: what tests the pages in a browser fails until they are there"
    return
  fi
  ensure_packages \
    'chromium|command -v chromium' \
    'chromium-driver|command -v chromedriver' \
    'util-linux|command -v unshare'
}
