# Writes turnserver.conf to standard output. Comments stand on lines of their own: coturn takes a
# trailing one for a part of the value. Sourced by run.sh.
# shellcheck shell=sh

option() { printf '%s\n' "$1"; }
# An option for the versions that have it, see version.sh.
option_if_known() { ! knows "${1%%=*}" || option "$1"; }

render() { # private directory
  for address in $(list "$TURN_LISTEN_ADDRESSES"); do option "listening-ip=$address"; done
  option "listening-port=$TURN_PORT"
  option "relay-ip=$TURN_RELAY_ADDRESS"
  option "min-port=$TURN_MIN_PORT"
  option "max-port=$TURN_MAX_PORT"
  option "realm=$TURN_REALM"
  option fingerprint
  render_auth
  render_peers
  render_limits
  render_tls
  render_operation "$1"
}

# More than one secret: all are accepted, the worker signs with the newest.
render_auth() {
  option use-auth-secret
  while IFS= read -r secret || [ -n "$secret" ]; do
    option "static-auth-secret=$secret"
  done <"$TURN_SECRET_FILE"
  unset secret
  option stale-nonce=600
  # Neither is used: the secret file is the only source of users.
  option_if_known no-auth-pings
  option_if_known no-dynamic-realms
}

# Allowed beats denied: the media nodes, and nothing else in the world.
render_peers() {
  option denied-peer-ip=0.0.0.0-255.255.255.255
  option denied-peer-ip=::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff
  for peer in $(list "$TURN_PEERS"); do option "allowed-peer-ip=$peer"; done
  option no-multicast-peers
  option no-tcp-relay
  option_if_known no-dynamic-ip-list
  # Only for development and tests: check.sh has made sure that everything is loopback then.
  if is_loopback "$(ipv4_number "$TURN_RELAY_ADDRESS")"; then option allow-loopback-peers; fi
}

render_limits() {
  option "user-quota=$TURN_USER_QUOTA"
  option "total-quota=$TURN_TOTAL_QUOTA"
  option "max-bps=$TURN_MAX_BPS"
  option "bps-capacity=$TURN_BPS_CAPACITY"
  option max-allocate-lifetime=3600
  # What answers a request without credentials is kept small, and rare where that is possible.
  option_if_known unauthorized-ratelimit
  option_if_known unauthorized-ratelimit-rps=50
  option_if_known no-software-attribute
  option_if_known no-rfc5780
  option_if_known no-stun-backward-compatibility
}

render_tls() {
  option_if_known no-dtls
  if [ -z "$TURN_TLS_CERT" ]; then
    option_if_known no-tls
    return 0
  fi
  option "tls-listening-port=$TURN_TLS_PORT"
  option "cert=$TURN_TLS_CERT"
  option "pkey=$TURN_TLS_KEY"
  option_if_known no-tlsv1
  option_if_known no-tlsv1_1
}

render_operation() { # private directory
  [ -z "$TURN_RELAY_THREADS" ] || option "relay-threads=$TURN_RELAY_THREADS"
  option_if_known no-cli
  option log-file=stdout
  option simple-log
  option_if_known new-log-timestamp
  option "pidfile=$1/turnserver.pid"
  option_if_known "userdb=$1/turndb"
}
