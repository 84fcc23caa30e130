resource "oci_core_vcn" "this" {
  compartment_id = var.compartment_id
  display_name   = "webrtc-lite"
  cidr_blocks    = [local.vcn_cidr]
  dns_label      = "webrtclite"
}

resource "oci_core_internet_gateway" "this" {
  compartment_id = var.compartment_id
  vcn_id         = oci_core_vcn.this.id
  display_name   = "webrtc-lite"
}

resource "oci_core_route_table" "public" {
  compartment_id = var.compartment_id
  vcn_id         = oci_core_vcn.this.id
  display_name   = "webrtc-lite"

  route_rules {
    destination       = local.anywhere
    destination_type  = "CIDR_BLOCK"
    network_entity_id = oci_core_internet_gateway.this.id
  }
}

# Empty: what is let through stands in the group below, and a subnet without a list of its own gets the VCN's default
# one, which opens port 22 to the world.
resource "oci_core_security_list" "none" {
  # checkov:skip=CKV_OCI_16:It is empty on purpose: the group below has the rules, and what a list opens no group closes.
  # checkov:skip=CKV_OCI_19:It opens nothing at all, port 22 included; the check wants a rule to look at.
  compartment_id = var.compartment_id
  vcn_id         = oci_core_vcn.this.id
  display_name   = "webrtc-lite-none"
}

resource "oci_core_subnet" "public" {
  compartment_id    = var.compartment_id
  vcn_id            = oci_core_vcn.this.id
  display_name      = "webrtc-lite"
  cidr_block        = local.subnet_cidr
  dns_label         = "relays"
  route_table_id    = oci_core_route_table.public.id
  security_list_ids = [oci_core_security_list.none.id]
}

resource "oci_core_network_security_group" "relay" {
  compartment_id = var.compartment_id
  vcn_id         = oci_core_vcn.this.id
  display_name   = "webrtc-lite-relay"
}

locals {
  tcp  = "6"
  udp  = "17"
  icmp = "1"

  # Every rule there is. A stateless one needs its mirror: answers are not let through by themselves, and stateless wins
  # where both match.
  ingress = merge(
    {
      turn_udp  = { protocol = local.udp, from = local.anywhere, min = 3478, max = 3478, stateless = true, what = "TURN over UDP" }
      media     = { protocol = local.udp, from = local.anywhere, min = var.relay_ports.min, max = var.relay_ports.max, stateless = true, what = "media from peers" }
      turn_tcp  = { protocol = local.tcp, from = local.anywhere, min = 3478, max = 3478, stateless = false, what = "TURN over TCP" }
      turns     = { protocol = local.tcp, from = local.anywhere, min = 5349, max = 5349, stateless = false, what = "TURN over TLS" }
      turns_443 = { protocol = local.tcp, from = local.anywhere, min = 443, max = 443, stateless = false, what = "TURN over TLS where only HTTPS passes" }
      acme_http = { protocol = local.tcp, from = local.anywhere, min = 80, max = 80, stateless = false, what = "ACME; the VM's firewall opens it only while a certificate is being issued" }
    },
    { for range in var.ssh_sources : "ssh ${range}" => { protocol = local.tcp, from = range, min = 22, max = 22, stateless = false, what = "SSH of the operator" } },
    local.bastion ? { ssh_bastion = { protocol = local.tcp, from = local.subnet_cidr, min = 22, max = 22, stateless = false, what = "SSH through the bastion" } } : {},
  )

  mirrors = { for name, rule in local.ingress : name => rule if rule.stateless }
}

resource "oci_core_network_security_group_security_rule" "ingress" {
  # checkov:skip=CKV_OCI_21:Stateless are the two that carry media, each with its mirror below. Over TCP the connection tracking is what keeps forged packets out.
  for_each = local.ingress

  network_security_group_id = oci_core_network_security_group.relay.id
  direction                 = "INGRESS"
  protocol                  = each.value.protocol
  source                    = each.value.from
  source_type               = "CIDR_BLOCK"
  stateless                 = each.value.stateless
  description               = each.value.what

  dynamic "tcp_options" {
    for_each = each.value.protocol == local.tcp ? [each.value] : []
    content {
      destination_port_range {
        min = tcp_options.value.min
        max = tcp_options.value.max
      }
    }
  }

  dynamic "udp_options" {
    for_each = each.value.protocol == local.udp ? [each.value] : []
    content {
      destination_port_range {
        min = udp_options.value.min
        max = udp_options.value.max
      }
    }
  }
}

resource "oci_core_network_security_group_security_rule" "mirror" {
  # checkov:skip=CKV2_OCI_2:It goes out, and by UDP from the relay's own ports; nothing of it reaches 3389.
  for_each = local.mirrors

  network_security_group_id = oci_core_network_security_group.relay.id
  direction                 = "EGRESS"
  protocol                  = each.value.protocol
  destination               = local.anywhere
  destination_type          = "CIDR_BLOCK"
  stateless                 = true
  description               = "${each.value.what}: the way back"

  udp_options {
    source_port_range {
      min = each.value.min
      max = each.value.max
    }
  }
}

# Where a stateless rule lets media through, nothing brings the news that a packet was too big (RFC 1191).
resource "oci_core_network_security_group_security_rule" "too_big" {
  # checkov:skip=CKV2_OCI_2:It lets in one type of ICMP message and no port at all.
  network_security_group_id = oci_core_network_security_group.relay.id
  direction                 = "INGRESS"
  protocol                  = local.icmp
  source                    = local.anywhere
  source_type               = "CIDR_BLOCK"
  stateless                 = true
  description               = "path MTU discovery"

  icmp_options {
    type = 3
    code = 4
  }
}

# Updates, certificates, DNS, the vault. What Coturn's own user may reach, the VM's firewall says.
resource "oci_core_network_security_group_security_rule" "out" {
  for_each = {
    https = { protocol = local.tcp, port = 443, what = "vault, certificates, packages" }
    http  = { protocol = local.tcp, port = 80, what = "packages" }
    dns   = { protocol = local.udp, port = 53, what = "names" }
    ntp   = { protocol = local.udp, port = 123, what = "time" }
  }

  network_security_group_id = oci_core_network_security_group.relay.id
  direction                 = "EGRESS"
  protocol                  = each.value.protocol
  destination               = local.anywhere
  destination_type          = "CIDR_BLOCK"
  stateless                 = false
  description               = each.value.what

  dynamic "tcp_options" {
    for_each = each.value.protocol == local.tcp ? [each.value.port] : []
    content {
      destination_port_range {
        min = tcp_options.value
        max = tcp_options.value
      }
    }
  }

  dynamic "udp_options" {
    for_each = each.value.protocol == local.udp ? [each.value.port] : []
    content {
      destination_port_range {
        min = udp_options.value
        max = udp_options.value
      }
    }
  }
}

resource "oci_bastion_bastion" "this" {
  count = local.bastion ? 1 : 0

  bastion_type                 = "STANDARD"
  compartment_id               = var.compartment_id
  name                         = "webrtclite"
  target_subnet_id             = oci_core_subnet.public.id
  client_cidr_block_allow_list = var.bastion_sources
  max_session_ttl_in_seconds   = 10800
}
