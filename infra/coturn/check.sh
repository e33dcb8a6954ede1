# Checks of the settings. Every value is matched against a list of allowed characters before it
# gets near the configuration file, so none can add a line to it. Sourced by run.sh.
# shellcheck shell=sh

problems=''
problem() {
  problems="$problems
  - $*"
}

# Sets the defaults and checks all settings; ends with 64 and every problem when there are any.
check_settings() {
  : "${TURN_PORT:=3478}" "${TURN_TLS_PORT:=5349}" "${TURN_REALM:=earshot}"
  : "${TURN_MIN_PORT:=49152}" "${TURN_MAX_PORT:=65535}"
  : "${TURN_USER_QUOTA:=12}" "${TURN_TOTAL_QUOTA:=4000}"
  : "${TURN_MAX_BPS:=250000}" "${TURN_BPS_CAPACITY:=1000000000}"
  : "${TURN_RELAY_THREADS:=}" "${TURN_TLS_CERT:=}" "${TURN_TLS_KEY:=}"

  # "||": under set -e the first check that says no would otherwise end the script.
  check_each || :
  [ -z "$problems" ] || fail 64 "these settings cannot be used:$problems"
}

check_each() {
  number TURN_PORT "$TURN_PORT" 1 65535
  number TURN_TLS_PORT "$TURN_TLS_PORT" 1 65535
  if number TURN_MIN_PORT "$TURN_MIN_PORT" 1024 65535 &&
    number TURN_MAX_PORT "$TURN_MAX_PORT" 1024 65535 &&
    [ "$TURN_MIN_PORT" -gt "$TURN_MAX_PORT" ]; then
    problem 'TURN_MIN_PORT is above TURN_MAX_PORT.'
  fi
  number TURN_USER_QUOTA "$TURN_USER_QUOTA" 1 1000
  number TURN_TOTAL_QUOTA "$TURN_TOTAL_QUOTA" 1 1000000
  number TURN_MAX_BPS "$TURN_MAX_BPS" 10000 1000000000
  number TURN_BPS_CAPACITY "$TURN_BPS_CAPACITY" 10000 1000000000
  [ -z "$TURN_RELAY_THREADS" ] || number TURN_RELAY_THREADS "$TURN_RELAY_THREADS" 1 128
  only TURN_REALM "$TURN_REALM" '*[!A-Za-z0-9.-]*' 'letters, digits, dots and dashes'

  check_addresses
  check_secrets
  check_tls
}

check_addresses() {
  if only TURN_LISTEN_ADDRESSES "${TURN_LISTEN_ADDRESSES:-}" '*[!0-9A-Fa-f.:,]*' \
    'addresses with commas between them'; then
    for address in $(list "$TURN_LISTEN_ADDRESSES"); do
      case $address in
        *:*) ;;
        *) [ -n "$(ipv4_number "$address")" ] ||
          problem "TURN_LISTEN_ADDRESSES: $address is not an address." ;;
      esac
      case $address in 0.0.0.0 | ::) problem 'TURN_LISTEN_ADDRESSES must name the addresses, not all of them: every bridge and VPN of the host would be served.' ;; esac
    done
  fi
  relay=''
  if only TURN_RELAY_ADDRESS "${TURN_RELAY_ADDRESS:-}" '*[!0-9.]*' \
    'one IPv4 address: the private one that the media nodes are reached from'; then
    relay=$(ipv4_number "$TURN_RELAY_ADDRESS")
    [ -n "$relay" ] || problem "TURN_RELAY_ADDRESS: $TURN_RELAY_ADDRESS is not an IPv4 address."
  fi
  only TURN_PEERS "${TURN_PEERS:-}" '*[!0-9.,-]*' \
    'the IPv4 addresses of the media nodes, or ranges such as 172.30.0.10-172.30.0.13' || return 0
  for peer in $(list "$TURN_PEERS"); do
    check_peer "$peer" "${peer%%-*}" "${peer#*-}"
  done
}

# A peer that is the relay's own host would open every UDP service of that host to callers.
check_peer() { # as written, first, last
  first=$(ipv4_number "$2")
  last=$(ipv4_number "$3")
  if [ -z "$first" ] || [ -z "$last" ]; then
    problem "TURN_PEERS: $1 is neither an IPv4 address nor a range of them."
  elif [ "$first" -gt "$last" ] || [ $((last - first)) -gt 255 ]; then
    problem "TURN_PEERS: $1 must be a range of at most 256 addresses, lowest first."
  elif [ -z "$relay" ]; then
    return 0
  elif is_loopback "$first" || is_loopback "$last"; then
    # For development and tests: then nothing but this machine may be within reach.
    is_loopback "$first" && is_loopback "$last" && is_loopback "$relay" ||
      problem "TURN_PEERS: loopback ($1) is for development: then TURN_RELAY_ADDRESS and every peer must be loopback too."
  elif is_loopback "$relay"; then
    problem "TURN_RELAY_ADDRESS is loopback: the peer $1 cannot be reached from it."
  elif [ "$first" -le "$relay" ] && [ "$relay" -le "$last" ]; then
    problem "TURN_PEERS: $1 holds TURN_RELAY_ADDRESS: callers would reach this host's own services."
  fi
}

check_secrets() {
  [ -z "${TURN_SECRET:-}" ] ||
    problem 'TURN_SECRET is in the environment, where other processes may read it: put it in a file and name that in TURN_SECRET_FILE.'
  if [ -z "${TURN_SECRET_FILE:-}" ]; then
    problem 'TURN_SECRET_FILE is missing: the file that holds the secret shared with the worker.'
  elif [ ! -f "$TURN_SECRET_FILE" ]; then
    problem 'TURN_SECRET_FILE does not name a regular file.'
  elif [ ! -r "$TURN_SECRET_FILE" ]; then
    problem "TURN_SECRET_FILE cannot be read by user $(id -u): give it to that user."
  else
    case $(mode_of "$TURN_SECRET_FILE") in
      600 | 400) check_secret_lines <"$TURN_SECRET_FILE" ;;
      *) problem 'TURN_SECRET_FILE can be read by others: chmod 600 it.' ;;
    esac
  fi
}

# The file's lines are checked, and never printed.
check_secret_lines() {
  lines=0
  while IFS= read -r secret || [ -n "$secret" ]; do
    lines=$((lines + 1))
    case $secret in
      *[!A-Za-z0-9_-]*) problem "TURN_SECRET_FILE, line $lines: only letters, digits, _ and - (openssl rand -hex 32)." ;;
      ????????????????????????????????*) refuse_placeholder "$secret" ;;
      *) problem "TURN_SECRET_FILE, line $lines: at least 32 characters (openssl rand -hex 32)." ;;
    esac
  done
  case $lines in
    1 | 2) ;;
    *) problem "TURN_SECRET_FILE must hold one secret, or the new one above the old one while rotating; it has $lines lines." ;;
  esac
  unset secret
}

# The words that the worker refuses too, and what a person types to get past a length.
refuse_placeholder() {
  if printf '%s\n' "$1" | grep -Eiq 'change-?_?me|replace|placeholder|example|secret|password' ||
    [ "$(printf '%s' "$1" | fold -w 1 | sort -u | wc -l)" -lt 8 ]; then
    problem "TURN_SECRET_FILE, line $lines: this is a placeholder; make a secret with: openssl rand -hex 32"
  fi
}

check_tls() {
  [ -n "$TURN_TLS_CERT$TURN_TLS_KEY" ] || return 0
  for name in TURN_TLS_CERT TURN_TLS_KEY; do
    eval "file=\$$name"
    if only "$name" "$file" '*[!A-Za-z0-9_./-]*' 'a path of letters, digits and _ . / -'; then
      [ -f "$file" ] && [ -r "$file" ] || problem "$name: there is no such file, or user $(id -u) may not read it."
    fi
  done
  [ "$TURN_TLS_PORT" != "$TURN_PORT" ] || problem 'TURN_TLS_PORT and TURN_PORT must differ.'
}

only() { # name, value, pattern of what is not allowed, what is
  # shellcheck disable=SC2254 # the pattern is a pattern
  case $2 in
    '') problem "$1 is missing: $4." ;;
    $3) problem "$1 has characters that do not belong there: $4." ;;
    *) return 0 ;;
  esac
  return 1
}

number() { # name, value, least, most
  case $2 in
    '' | *[!0-9]* | ??????????*[0-9]) ;;
    *) [ "$2" -lt "$3" ] || [ "$2" -gt "$4" ] || return 0 ;;
  esac
  problem "$1 must be a whole number from $3 to $4."
  return 1
}

list() { printf '%s\n' "$1" | tr ',' ' '; }

# 172.30.0.10 as one number, nothing for what is not an IPv4 address.
ipv4_number() {
  printf '%s\n' "$1" | awk -F. 'NF == 4 && /^[0-9.]+$/ {
    n = 0
    for (i = 1; i <= 4; i++) { if ($i !~ /^(0|[1-9][0-9]?[0-9]?)$/ || $i > 255) exit; n = n * 256 + $i }
    printf "%.0f\n", n
  }'
}

is_loopback() { [ $(($1 >> 24)) -eq 127 ]; }

# Permissions of a file or directory: 600. (GNU and busybox, else BSD.)
mode_of() { stat -Lc %a -- "$1" 2>/dev/null || stat -Lf %Lp -- "$1" 2>/dev/null || :; }
