#!/bin/sh
# The host's firewall: two chains of our own, called before everything else in INPUT and OUTPUT. What the image brings
# stays as it is: its REJECT, and InstanceServices, which guards the boot volume. Safe to repeat.
#
#   firewall.sh            puts the rules in place
#   firewall.sh check      fails where they are not
#   firewall.sh open-http  lets port 80 in, for a certificate;  firewall.sh close-http ends that
set -eu
# shellcheck source=/dev/null
. /etc/webrtc-lite/relay.env

each_call() { # of what to do with it: program, table, chain, and the rule by which our chains are called
  for program in iptables ip6tables; do
    "$1" "$program" filter OUTPUT -m owner --uid-owner turnserver -j RELAY-OUT || return 1
    "$1" "$program" filter INPUT -j RELAY-IN || return 1
  done
  "$1" iptables raw PREROUTING -j RELAY-MEDIA-IN || return 1
  "$1" iptables raw OUTPUT -j RELAY-MEDIA-OUT || return 1
}
called() {
  program=$1 table=$2 chain=$3
  shift 3
  "$program" -w -t "$table" -C "$chain" "$@" 2>/dev/null
}
call() { # first in line as they are put there: before the image's REJECT
  called "$@" && return
  program=$1 table=$2 chain=$3
  shift 3
  "$program" -w -t "$table" -I "$chain" 1 "$@"
}
ends_in_drop() { # so it was not emptied either
  "$1" -w -S "$2" 2>/dev/null | tail -n 1 | grep -qx -- "-A $2 -j DROP"
}
rules_stand() {
  each_call called && for program in iptables ip6tables; do
    ends_in_drop "$program" RELAY-IN && ends_in_drop "$program" RELAY-OUT || return 1
  done
}

case "${1:-apply}" in
check)
  rules_stand || exit 1
  exit 0
  ;;
open-http)
  iptables -w -C RELAY-HTTP -p tcp --dport 80 -j ACCEPT 2>/dev/null || iptables -w -A RELAY-HTTP -p tcp --dport 80 -j ACCEPT
  exit 0
  ;;
close-http)
  iptables -w -F RELAY-HTTP
  exit 0
  ;;
apply) ;;
*)
  echo "firewall.sh takes check, open-http, close-http, or nothing." >&2
  exit 2
  ;;
esac

ssh_rules() { # not accepted here: fail2ban and the image's own rules come after these and have a say
  for range in $SSH_SOURCES; do echo "-A RELAY-IN -p tcp --dport 22 -s $range -j RETURN"; done
}
metrics_rules() {
  for range in $METRICS_SOURCES; do echo "-A RELAY-IN -p tcp --dport $METRICS_PORT -s $range -j ACCEPT"; done
}
denied_rules() { # one list of ranges for Coturn and for the firewall
  sed -n 's/^denied-peer-ip=\([0-9.-]*\)$/-A RELAY-OUT -m iprange --dst-range \1 -j DROP/p' /etc/webrtc-lite/turnserver.conf
}

# Each block replaces its chains in one step and touches no other (--noflush).
iptables-restore -w --noflush <<END
*raw
:RELAY-MEDIA-IN - [0:0]
:RELAY-MEDIA-OUT - [0:0]
# Media needs no connection tracking, and a flood of it would fill the table that everything else depends on.
-A RELAY-MEDIA-IN -p udp --dport 3478 -j CT --notrack
-A RELAY-MEDIA-IN -p udp --dport $MIN_PORT:$MAX_PORT -j CT --notrack
-A RELAY-MEDIA-OUT -p udp --sport 3478 -j CT --notrack
-A RELAY-MEDIA-OUT -p udp --sport $MIN_PORT:$MAX_PORT -j CT --notrack
COMMIT
*filter
:RELAY-HTTP - [0:0]
:RELAY-IN - [0:0]
:RELAY-OUT - [0:0]
-A RELAY-IN -i lo -j ACCEPT
# What a stranger can send: requests. Coturn answers each, of whatever method, if only with 401. Media comes in
# indications and channels. A household sends a few requests in a second. The first word of the datagram begins with two
# zeros where it is STUN, and has neither of two bits set where it is a request (RFC 8489, 5).
-A RELAY-IN -p udp --dport 3478 -m u32 --u32 "0>>22&0x3C@8>>16&0xC110=0" -m hashlimit --hashlimit-name relay-udp --hashlimit-mode srcip --hashlimit-above 100/sec --hashlimit-burst 200 -j DROP
-A RELAY-IN -p tcp -m multiport --dports 443,3478,5349 -m conntrack --ctstate NEW -m hashlimit --hashlimit-name relay-tcp --hashlimit-mode srcip --hashlimit-above 50/sec --hashlimit-burst 200 -j DROP
-A RELAY-IN -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
-A RELAY-IN -p udp --dport 3478 -j ACCEPT
-A RELAY-IN -p tcp -m multiport --dports 443,3478,5349 -j ACCEPT
-A RELAY-IN -p udp --dport $MIN_PORT:$MAX_PORT -j ACCEPT
# A path whose packets are too big, a ping, an answer of DHCP.
-A RELAY-IN -p icmp --icmp-type destination-unreachable -j ACCEPT
-A RELAY-IN -p icmp --icmp-type time-exceeded -j ACCEPT
-A RELAY-IN -p icmp --icmp-type echo-request -m limit --limit 10/sec -j ACCEPT
-A RELAY-IN -p udp --sport 67 --dport 68 -j ACCEPT
$(ssh_rules)
$(metrics_rules)
-A RELAY-IN -j RELAY-HTTP
-A RELAY-IN -j DROP
# Coturn answers its clients; relays between two of its own allocations; sends media to the internet; nothing else.
-A RELAY-OUT -p udp --sport 3478 -j ACCEPT
-A RELAY-OUT -p tcp -m multiport --sports 443,3478,5349 -j ACCEPT
-A RELAY-OUT -p udp -m addrtype --dst-type LOCAL --sport $MIN_PORT:$MAX_PORT --dport $MIN_PORT:$MAX_PORT ! -d 127.0.0.0/8 -j ACCEPT
-A RELAY-OUT -m addrtype --dst-type LOCAL -j DROP
$(denied_rules)
-A RELAY-OUT -p udp --sport $MIN_PORT:$MAX_PORT -j ACCEPT
-A RELAY-OUT -j DROP
COMMIT
END

# A relay listens on IPv4 only; what else the VM has on IPv6 is nobody's business but neighbour discovery's.
ip6tables-restore -w --noflush <<END
*filter
:RELAY-IN - [0:0]
:RELAY-OUT - [0:0]
-A RELAY-IN -i lo -j ACCEPT
-A RELAY-IN -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
-A RELAY-IN -p ipv6-icmp -j ACCEPT
-A RELAY-IN -p udp --dport 546 -j ACCEPT
-A RELAY-IN -j DROP
-A RELAY-OUT -j DROP
COMMIT
END

each_call call
