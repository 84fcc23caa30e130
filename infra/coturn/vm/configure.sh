#!/bin/sh
# Writes /run/coturn/turnserver.conf: the rendered configuration with this VM's addresses. Runs as Coturn starts.
set -eu
# shellcheck source=/dev/null
. /etc/webrtc-lite/relay.env

PROGRAM=/usr/bin/turnserver
[ -z "$COTURN_VERSION" ] || PROGRAM=/usr/local/bin/turnserver

later() {
  echo "$1" >&2
  sleep 15 # systemd tries again, and what is missing here takes a person
  exit 1
}

inside() { # whether an address is one that the internet does not route: as Coturn's own list of denied peers has it
  python3 - "$1" <<'END'
import ipaddress, re, sys
address = ipaddress.ip_address(sys.argv[1])
text = open("/etc/webrtc-lite/turnserver.conf").read()
ranges = re.findall(r"^denied-peer-ip=([0-9.]+)-([0-9.]+)$", text, re.MULTILINE)
sys.exit(not any(ipaddress.ip_address(a) <= address <= ipaddress.ip_address(b) for a, b in ranges))
END
}

private=$(ip -4 -o route get 1.1.1.1 2>/dev/null | sed -n 's/.* src \([0-9.]*\).*/\1/p')
[ -n "$private" ] || later "This VM has no way to the internet yet: Coturn waits."

public=$PUBLIC_ADDRESS
if [ -z "$public" ]; then
  public=$(getent ahostsv4 "$HOST" | awk 'NR == 1 { print $1 }') || true
  [ -n "$public" ] || later "$HOST has no address in DNS: add an A record with the address that terraform output shows."
  if inside "$public"; then
    later "$HOST is $public in DNS, which the internet does not route: let the A record have this VM's public address."
  fi
fi

umask 077
sed "s/@PRIVATE_ADDRESS@/$private/g; s/@PUBLIC_ADDRESS@/$public/g" /etc/webrtc-lite/turnserver.conf >/run/coturn/next.conf
# Where the VM has the public address itself nothing is mapped.
[ "$public" != "$private" ] || sed -i '/^external-ip=/d' /run/coturn/next.conf
chown turnserver:turnserver /run/coturn/next.conf
mv /run/coturn/next.conf /run/coturn/turnserver.conf
ln -sfn "$PROGRAM" /run/coturn/turnserver
