#!/bin/sh
# Puts the relay in place: cloud-init calls it once, and a person may again. Safe to repeat.
set -eu
HOME_OF=/usr/local/lib/webrtc-lite
# shellcheck source=/dev/null
. /etc/webrtc-lite/relay.env

if [ "$(uname -m)" = aarch64 ] && [ -z "$COTURN_VERSION" ]; then
  echo "The distribution's Coturn crashes on Arm at one packet (CVE-2026-40613): pin one with coturn_source." >&2
  exit 1
fi

"$HOME_OF/build.sh"

# Takes the place of the mask under which the package was installed.
unit=/etc/systemd/system/coturn.service
[ ! -L "$unit" ] || rm "$unit"
cp -R "$HOME_OF/etc/." /etc/
chmod 0644 "$unit"

sed "s/@MIN_PORT@/$MIN_PORT/; s/@MAX_PORT@/$MAX_PORT/" "$HOME_OF/etc/sysctl.d/60-webrtc-lite.conf" >/etc/sysctl.d/60-webrtc-lite.conf
modprobe nf_conntrack 2>/dev/null || true # from the next boot on by itself; some kernels have it built in
sysctl --quiet --ignore --load /etc/sysctl.d/60-webrtc-lite.conf || echo "Some kernel settings are not for this machine." >&2

"$HOME_OF/certificate.sh" placeholder
"$HOME_OF/relay_secrets.py" database
systemctl daemon-reload
systemctl restart systemd-journald.service
# Where it comes with the image or was just installed; an image without SSH is none of ours to change.
systemctl try-reload-or-restart ssh.service || true
# Installing it started it with the distribution's settings, which look for a log that may not be there.
systemctl restart fail2ban.service || echo "fail2ban does not start: see journalctl -u fail2ban." >&2
systemctl enable --now relay-firewall.service relay-secrets.timer relay-certificate.timer relay-health.timer relay-metrics.service
# Not waited for: DNS may need a person first, and cloud-init has other things to finish.
systemctl enable coturn.service
systemctl start --no-block relay-secrets.service
systemctl start --no-block coturn.service
systemctl start --no-block relay-certificate.service
