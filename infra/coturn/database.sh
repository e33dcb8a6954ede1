# coturn looks into its SQLite database for secrets, beside those it is given, whether one is wanted or
# not. It makes the tables when the first caller comes, and whoever comes at the same moment is refused
# with 401 for want of a table. So they are made before it starts. Sourced by run.sh.
# shellcheck shell=sh

make_database() { # file
  knows userdb || return 0
  command -v turnadmin >/dev/null || fail 69 'turnadmin is not installed; it comes with coturn.'
  rm -f "$1"
  turnadmin --list --userdb "$1" >/dev/null 2>&1 &
  wait "$!" || fail 73 "turnadmin could not make $1."
  # It leaves a log of its own, named by its process, in the first of these that it can write to.
  rm -f "/var/log/turnserver/turn_$!_"* "/var/log/turn_$!_"* "/var/tmp/turn_$!_"* "/tmp/turn_$!_"* "turn_$!_"*
}
