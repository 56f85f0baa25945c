# shellcheck shell=bash
# Public images, pulled into an engine of our own, or made there under the same names out of the distribution's packages. Needs
# say.sh, packages.sh, consul.sh, images.sh and engine.sh with an engine that is open and reaches out, and to be at the root of
# the repository. Sourced, never run.

readonly STAND_INS=scripts/lib/stand-ins
# Images that the others are made from. Kept below target/, since a root directory takes a minute.
readonly BASE_IMAGES=target/base-images
# Seconds, for one that is large.
readonly IMAGE_PATIENCE=300

# Leaves the images of these names in the engine, as `NAME=DIRECTORY`: what a Dockerfile of ours, in a directory of
# $STAND_INS, makes where the name cannot be pulled.
ensure_images() {
  local entry
  in_engine bash -c 'source scripts/lib/say.sh; source scripts/lib/images.sh; ensure_busybox'
  ensure_debian
  for entry in "$@"; do
    pull_image "${entry%=*}" || make_image "${entry%=*}" "${entry#*=}"
  done
}

# Whether there is a registry to be pulled from is asked but once.
PUBLIC_IMAGES=unknown

pull_image() {
  if [[ $PUBLIC_IMAGES == unknown ]]; then
    PUBLIC_IMAGES=no
    ! in_engine timeout "$PULL_PATIENCE" docker pull --quiet hello-world >/dev/null 2>&1 || PUBLIC_IMAGES=yes
  fi
  [[ $PUBLIC_IMAGES == yes ]] && in_engine timeout "$IMAGE_PATIENCE" docker pull --quiet "$1"
}

# What every Dockerfile of ours stands on.
ensure_debian() {
  local name=debian:bookworm-slim archive=$BASE_IMAGES/bookworm.tar
  pull_image "$name" && return
  if [[ ! -s $archive ]]; then
    make_root bookworm "$ENGINE_DIR/debian"
    mkdir -p "$BASE_IMAGES"
    tar -C "$ENGINE_DIR/debian" --numeric-owner --exclude=./var/cache/apt --exclude=./var/lib/apt/lists -cf "$archive.new" .
    mv "$archive.new" "$archive"
    rm -rf "$ENGINE_DIR/debian"
  fi
  say "$name could not be pulled; importing the distribution's packages under that name"
  in_engine docker import --change 'CMD ["bash"]' - "$name" <"$archive" >/dev/null
}

# A root directory of a release of Debian. $1: its name, $2: where; then packages besides the least.
make_root() {
  local release=$1 root=$2 mirror
  shift 2
  ensure_packages 'debootstrap|command -v debootstrap'
  while read -r mirror; do
    say "unpacking Debian $release from $mirror"
    rm -rf "$root"
    if debootstrap --variant=minbase ${1:+--include="$(IFS=,; echo "$*")"} "$release" "$root" "$mirror" >"$root.log" 2>&1; then
      rm -f "$root.log"
      return
    fi
    tail -n 3 "$root.log" >&2
  done < <(debian_mirrors)
  die "no mirror of this machine has Debian $release"
}

# Where this machine takes its packages from. Images of clouds have their mirrors in a file.
debian_mirrors() {
  local repository
  # shellcheck disable=SC2016 # expanded by apt
  apt-get indextargets --format '$(REPO_URI)' | sort -u | grep -v -- '-security' | grep debian |
    while read -r repository; do
      case $repository in
        mirror+file:*) awk '/^[a-z]+:/ { print $1 }' "/${repository#mirror+file:*/}" ;;
        *) echo "$repository" ;;
      esac
    done
}

# $1: the name, $2: the directory of its Dockerfile.
make_image() {
  local context=$ENGINE_DIR/tmp/$2
  say "$1 could not be pulled; making an image of that name ($STAND_INS/$2)"
  rm -rf "$context"
  cp -R "$STAND_INS/$2" "$context"
  case $2 in
    consul) cp "$(command -v consul || printf '%s/consul' "$CONSUL_DIR")" "$context/consul" ;;
    rust)
      mkdir "$context/rust"
      tar -C "$(rustc --print sysroot)" --exclude=./share -c . | tar -C "$context/rust" -x
      cp -L /etc/ssl/certs/ca-certificates.crt "$context/"
      ;;
  esac
  in_engine docker build --quiet --tag "$1" "$context" >/dev/null ||
    die "the image $1 could not be made: see above"
  rm -rf "$context"
}
