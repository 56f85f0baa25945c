# shellcheck shell=bash
# Python packages of the tests, in a virtual environment below target/. Needs say.sh. Sourced, never run.

readonly PYTHON_DIR=target/test-python
readonly PYTHON_PACKAGES=scripts/lib/test-python.txt

# Leaves $PYTHON_DIR/bin/python with the packages of $PYTHON_PACKAGES. One that was not finished is made anew.
ensure_test_python() {
  local root stamp
  root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
  (
    cd "$root" || exit 1
    mkdir -p target
    # Any number of these at once make one.
    exec {lock}>target/test-python.lock
    flock "$lock"
    stamp=$PYTHON_DIR/made-from.txt
    if cmp -s "$PYTHON_PACKAGES" "$stamp" && "$PYTHON_DIR/bin/python" -c 'import grpc' 2>/dev/null; then
      exit 0
    fi
    say "installing the Python packages of the tests into $PYTHON_DIR: $(grep -v '^#' "$PYTHON_PACKAGES" | tr '\n' ' ')"
    rm -rf "$PYTHON_DIR"
    python3 -m venv "$PYTHON_DIR"
    "$PYTHON_DIR/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$PYTHON_PACKAGES" ||
      die "pip could not install the packages of $PYTHON_PACKAGES: see above"
    cp "$PYTHON_PACKAGES" "$stamp"
  )
}
