#!/bin/sh
# Waits until this relay holds no allocation, at most a day; fails if one is left then. Before a rebuild: take the relay
# out of the list first (listed = false, make configure, deploy), or it never ends. It only looks: start it again where a
# session ended before it did.
#
#   drain.sh [seconds]
set -eu
case "${1:-86400}" in
*[!0-9]*)
  echo "drain.sh takes how many seconds it may wait, or nothing, which is a day." >&2
  exit 2
  ;;
esac
METRICS=/run/webrtc-lite/metrics.prom
left=$((${1:-86400} / 10))
while [ "$left" -ge 0 ]; do
  fresh=$(find "$METRICS" -newermt '-2 minutes' 2>/dev/null || true)
  held=$(sed -n 's/^coturn_allocations //p' "$METRICS" 2>/dev/null || true)
  if [ -n "$fresh" ] && [ "$held" = 0 ]; then
    echo "No allocation is left: this relay can go."
    exit 0
  fi
  echo "Allocations: ${held:-not known}${fresh:+.}"
  sleep 10
  left=$((left - 1))
done
echo "Allocations are left after all: ${held:-not known}. Wait on, or replace it and drop these calls." >&2
exit 1
