# shellcheck shell=bash
# Rust as this machine has it. Needs say.sh. Sourced, never run.

# Ends the script when there is no Rust, or one that is too old.
require_rust() {
  # A shell that has not been opened anew since rustup ran does not know its programs.
  have cargo || PATH=$PATH:${CARGO_HOME:-$HOME/.cargo}/bin
  have cargo || die "there is no cargo on PATH: install Rust with rustup (https://github.com/rust-lang/rustup) and run this again"
  local wanted have_version
  wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
  have_version=$(rustc --version | cut -d ' ' -f 2)
  [[ $(printf '%s\n' "$wanted" "$have_version" | sort -V | head -n 1) == "$wanted" ]] ||
    die "Rust $have_version is too old, $wanted is needed: run 'rustup update stable' and run this again"
}

# The directory of the programs that `cargo build` makes.
programs() { printf '%s/debug' "${CARGO_TARGET_DIR:-$PWD/target}"; }
