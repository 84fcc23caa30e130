#!/bin/sh
# Builds the pinned Coturn into /usr/local/bin, where one is pinned. Safe to repeat: a version that is there stays.
set -eu
# shellcheck source=/dev/null
. /etc/webrtc-lite/relay.env
[ -n "$COTURN_VERSION" ] || exit 0
[ "$(cat /usr/local/share/coturn.sha256 2>/dev/null || true)" != "$COTURN_SHA256" ] || exit 0

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
curl --fail --silent --show-error --location --retry 5 --output "$scratch/coturn.tar.gz" "$COTURN_URL"
echo "$COTURN_SHA256  $scratch/coturn.tar.gz" | sha256sum --check --quiet
mkdir "$scratch/source"
tar -xzf "$scratch/coturn.tar.gz" -C "$scratch/source" --strip-components=1
cd "$scratch/source"
./configure --prefix=/usr/local >"$scratch/log" 2>&1 || { tail -n 20 "$scratch/log" >&2; exit 1; }
make >"$scratch/log" 2>&1 || { tail -n 20 "$scratch/log" >&2; exit 1; }
install -m 0755 bin/turnserver /usr/local/bin/turnserver.next
mv /usr/local/bin/turnserver.next /usr/local/bin/turnserver
echo "$COTURN_SHA256" >/usr/local/share/coturn.sha256
