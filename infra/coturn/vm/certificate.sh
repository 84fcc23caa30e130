#!/bin/sh
# The relay's certificate: a placeholder at once, so that Coturn opens its ports for TLS; then one by ACME, renewed when
# a third of its life is left. Coturn takes a new one in place: calls go on. Safe to repeat.
set -eu
# shellcheck source=/dev/null
. /etc/webrtc-lite/relay.env

TLS=/etc/coturn/tls
HOME_OF=/usr/local/lib/webrtc-lite
export HOME=/root

put() { # certificate, key: the key first, so that no pair is ever looked at half-way by a start of Coturn
  install -d -o root -g turnserver -m 0750 "$TLS"
  install -o root -g turnserver -m 0640 "$2" "$TLS/privkey.pem.next"
  install -o root -g turnserver -m 0640 "$1" "$TLS/fullchain.pem.next"
  mv "$TLS/privkey.pem.next" "$TLS/privkey.pem"
  mv "$TLS/fullchain.pem.next" "$TLS/fullchain.pem"
}

placeholder() {
  scratch=$(mktemp -d)
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=$HOST" \
    -addext "subjectAltName=DNS:$HOST" -keyout "$scratch/key.pem" -out "$scratch/certificate.pem" 2>/dev/null
  put "$scratch/certificate.pem" "$scratch/key.pem"
  rm -rf "$scratch"
}

case "${1:-renew}" in
placeholder)
  if ! [ -s "$TLS/fullchain.pem" ] || ! [ -s "$TLS/privkey.pem" ]; then placeholder; fi
  ;;
renew)
  trap '"$HOME_OF/firewall.sh" close-http' EXIT
  set -- certonly --quiet --non-interactive --agree-tos --standalone --preferred-challenges http --cert-name relay \
    -d "$HOST" --server "$ACME_SERVER" --key-type ecdsa --keep-until-expiring \
    --pre-hook "$HOME_OF/firewall.sh open-http" --post-hook "$HOME_OF/firewall.sh close-http"
  if [ -n "$ACME_EMAIL" ]; then set -- "$@" --email "$ACME_EMAIL"; else set -- "$@" --register-unsafely-without-email; fi
  accounts=/etc/letsencrypt/accounts/${ACME_SERVER#https://}
  if [ -n "$ACME_EAB_SECRET" ] && [ -z "$(ls -A "$accounts" 2>/dev/null)" ]; then # once an issuer: it makes the account
    # certbot takes the key in its configuration file, where no list of processes shows it.
    keys=$(mktemp)
    trap 'rm -f "$keys"; "$HOME_OF/firewall.sh" close-http' EXIT
    "$HOME_OF/oci_vault.py" "$ACME_EAB_SECRET" | awk '{ print "eab-kid = " $1; print "eab-hmac-key = " $2 }' >"$keys"
    set -- "$@" --config "$keys"
  fi
  certbot "$@"
  if ! cmp -s "/etc/letsencrypt/live/relay/fullchain.pem" "$TLS/fullchain.pem"; then
    put /etc/letsencrypt/live/relay/fullchain.pem /etc/letsencrypt/live/relay/privkey.pem
    systemctl try-reload-or-restart coturn.service
  fi
  ;;
*)
  echo "certificate.sh takes placeholder, renew, or nothing, which is renew." >&2
  exit 2
  ;;
esac
