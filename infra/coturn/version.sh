# Which coturn this is, and which options it knows. Sourced by run.sh.
# shellcheck shell=sh

# Sets $version and $known_options; ends with 69 when there is no coturn that can be used.
find_coturn() {
  command -v turnserver >/dev/null ||
    fail 69 'turnserver is not installed (Debian and Ubuntu: apt-get install coturn; macOS: brew install coturn).'
  version=$(turnserver --version 2>&1 | sed -n 's/^[^0-9]*\([0-9][0-9]*\.[0-9][0-9]*\.[0-9][0-9]*\).*/\1/p' | head -n 1)
  case $version in
    '') fail 69 'turnserver --version does not say a version.' ;;
    4.17.0 | 4.17.1)
      fail 69 "coturn $version sends with a TTL of 1: no answer survives the first router. Use 4.18.0 or newer." ;;
  esac
  printf '%s\n' "$version" | awk -F. '{ exit !($1 > 4 || ($1 == 4 && $2 >= 6)) }' ||
    fail 69 "coturn $version is too old: 4.6 at least, 4.18.0 or newer where others can reach it."
  known_options=$(turnserver -h 2>&1 || :)
}

# True when this coturn names the option in its help. 4.7 and 4.18 removed some that older ones
# need, and an unknown option is skipped with one line in the log.
knows() {
  printf '%s\n' "$known_options" | grep -Eq "(^|[[:space:],])--$1([^A-Za-z0-9_-]|\$)"
}
