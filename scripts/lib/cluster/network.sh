# shellcheck shell=bash
# The network of the cluster, and what its hosts know each other by. Needs cluster.sh. Sourced, never run.

# A bridge in a namespace of its own: the rules of this machine's own Docker would cut it.
cluster_network() {
  local hub=$CLUSTER_HUB host at
  if ! netns_is "$hub"; then
    say "making a network of three hosts ($CLUSTER_NET.0/24)"
    # A database of before lives in a network that is gone.
    database_stop
    netns_delete "$hub"
    ip link delete "$CLUSTER_LINK" 2>/dev/null || true
    ip netns add "$hub"
    ip -netns "$hub" link set lo up
    ip -netns "$hub" link add bridge type bridge
    ip -netns "$hub" link set bridge up
    ip link add "$CLUSTER_LINK" type veth peer name uplink netns "$hub"
    ip -netns "$hub" link set uplink master bridge up
    ip address add "$CLUSTER_NET.1/24" dev "$CLUSTER_LINK"
    ip link set "$CLUSTER_LINK" up
  fi
  # There the database listens, apart from what this machine has at the same port.
  ip -netns "$hub" address replace "$CLUSTER_DATABASE_ADDRESS/24" dev bridge
  for host in "${CLUSTER_HOSTS[@]}"; do
    at=$(host_netns "$host")
    if ! netns_is "$at"; then
      # A daemon of before lives in a network that is gone.
      end_of_host "$host"
      netns_delete "$at"
      ip netns add "$at"
      ip -netns "$at" link set lo up
      ip -netns "$hub" link add "$host" type veth peer name eth0 netns "$at"
      ip -netns "$at" address add "$(host_address "$host")/24" dev eth0
      ip -netns "$at" link set eth0 up
    fi
    ip -netns "$hub" link set "$host" master bridge up
  done
}

netns_is() { ip -netns "$1" link show >/dev/null 2>&1; }

# A name may be left over of a boot before, without a network behind it.
netns_delete() {
  ip netns delete "$1" 2>/dev/null || rm -f "/run/netns/$1"
}

cluster_certificates() {
  local certs=$CLUSTER_DIR/certificates names host
  [[ ! -s $certs/key.pem ]] || return 0
  say "making certificates for the hosts and the server ($certs)"
  rm -rf "$certs"
  mkdir -m 700 "$certs"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 -subj '/CN=CA of a cluster' \
    -keyout "$certs/ca.key" -out "$certs/ca.pem" 2>/dev/null
  names=$(for host in "${CLUSTER_HOSTS[@]}"; do printf 'IP:%s,' "$(host_address "$host")"; done)
  certificate engine "subjectAltName=${names%,}"
  certificate cert 'extendedKeyUsage=clientAuth'
  mv "$certs/cert.key" "$certs/key.pem"
}

# $1: its name; $2: what it may be used for.
certificate() {
  local certs=$CLUSTER_DIR/certificates
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" \
    -keyout "$certs/$1.key" -out "$certs/$1.request" 2>/dev/null
  openssl x509 -req -in "$certs/$1.request" -CA "$certs/ca.pem" -CAkey "$certs/ca.key" -CAcreateserial -days 365 \
    -extfile <(printf '%s\n' "$2") -out "$certs/$1.pem" 2>/dev/null
}
