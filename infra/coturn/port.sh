# Two coturns share a port without an error (SO_REUSEPORT), and then every other caller meets the
# one that has another secret. So a port that is taken is refused here. Sourced by run.sh.
# shellcheck shell=sh

refuse_taken_port() { # port
  if [ -r /proc/net/udp ]; then
    taken=$(cat /proc/net/udp /proc/net/udp6 /proc/net/tcp /proc/net/tcp6 2>/dev/null |
      taken_in_proc "$1" "$TURN_LISTEN_ADDRESSES")
  elif command -v lsof >/dev/null; then
    taken=$(lsof -nP -iUDP:"$1" -iTCP:"$1" -sTCP:LISTEN -Fc 2>/dev/null | sed -n 's/^c//p' | head -n 1)
  else
    taken=''
  fi
  [ -z "$taken" ] ||
    fail 75 "port $1 is taken ($taken). Stop what holds it (ss -lunpt sport = :$1), or set another port."
}

# Reads the kernel's socket tables; prints the first socket that is in the way. Addresses there
# are hexadecimal, an IPv4 one with its lowest byte first. In TCP only listeners (0A) count.
taken_in_proc() { # port, addresses
  awk -v port="$1" -v addresses="$2" '
    BEGIN {
      wanted = sprintf("%04X", port)
      split(addresses, each, ",")
      for (i in each) {
        if (each[i] ~ /:/) { v6 = 1; continue }
        split(each[i], byte, ".")
        ours[sprintf("%02X%02X%02X%02X", byte[4], byte[3], byte[2], byte[1])] = 1
      }
    }
    $1 == "sl" { tcp = !/drops/; next }
    {
      split($2, at, ":")
      if (at[2] != wanted || (tcp && $4 != "0A")) next
      if (at[1] in ours || at[1] ~ /^0+$/ || (v6 && length(at[1]) == 32)) {
        print (tcp ? "tcp" : "udp") " in use"
        exit
      }
    }'
}
