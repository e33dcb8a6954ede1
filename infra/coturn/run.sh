#!/bin/sh
# Starts coturn as Earshot needs it: it listens for browsers, relays from a private address, and
# talks to the media nodes alone. All settings are environment variables (README.md); the secrets
# come from a file. Checks everything first, writes the configuration for the coturn it finds, and
# becomes that coturn.
#
# Exit codes: 64 settings that cannot be used (all of them are listed), 69 no usable coturn,
# 73 no private place for the configuration, 75 the port is taken.
set -eu
umask 077

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# shellcheck source=check.sh
. "$here/check.sh"
# shellcheck source=version.sh
. "$here/version.sh"
# shellcheck source=port.sh
. "$here/port.sh"
# shellcheck source=render.sh
. "$here/render.sh"
# shellcheck source=database.sh
. "$here/database.sh"

fail() { # code, words
  printf 'coturn: %s\n' "$2" >&2
  exit "$1"
}

check_settings
find_coturn
refuse_taken_port "$TURN_PORT"
[ -z "$TURN_TLS_CERT" ] || refuse_taken_port "$TURN_TLS_PORT"

if [ -n "${TURN_RUNTIME_DIR:-}" ]; then
  # coturn writes its pid and an (empty) user database here: nobody else may.
  [ "$(mode_of "$TURN_RUNTIME_DIR")" = 700 ] ||
    fail 73 'TURN_RUNTIME_DIR must be a directory with mode 0700: chmod 700 it.'
  runtime=$TURN_RUNTIME_DIR
else
  runtime=$(mktemp -d "${TMPDIR:-/tmp}/earshot-coturn.XXXXXX") ||
    fail 73 'no private directory could be made; set TURN_RUNTIME_DIR to one with mode 0700.'
fi

conf=$runtime/turnserver.conf
rm -f "$conf"
render "$runtime" >"$conf"
[ "${1:-}" != --render-only ] || exit 0

make_database "$runtime/turndb"

# exec: signals reach coturn itself. The file is the only argument: arguments can be read by all.
exec turnserver -c "$conf"
