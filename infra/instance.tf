data "oci_identity_availability_domains" "here" {
  compartment_id = var.tenancy_id
}

data "oci_core_images" "ubuntu" {
  compartment_id           = var.compartment_id
  operating_system         = "Canonical Ubuntu"
  operating_system_version = "24.04"
  shape                    = var.shape
  sort_by                  = "TIMECREATED"
  sort_order               = "DESC"
}

locals {
  domains = data.oci_identity_availability_domains.here.availability_domains
  domain  = { for name, relay in var.relays : name => coalesce(relay.availability_domain, var.availability_domain) }
}

resource "oci_core_instance" "relay" {
  # checkov:skip=CKV_OCI_4:It looks within launch_options, where OCI calls the setting deprecated; it stands below.
  for_each = var.relays

  compartment_id                      = var.compartment_id
  display_name                        = "webrtc-lite-relay-${each.key}"
  availability_domain                 = local.domains[min(local.domain[each.key], length(local.domains)) - 1].name
  shape                               = var.shape
  is_pv_encryption_in_transit_enabled = true

  # The free share of Arm is 2 OCPU and 12 GB for all VMs together: two such relays.
  dynamic "shape_config" {
    for_each = var.shape == "VM.Standard.A1.Flex" ? [1] : []
    content {
      ocpus         = 1
      memory_in_gbs = 6
    }
  }

  create_vnic_details {
    subnet_id        = oci_core_subnet.public.id
    assign_public_ip = false # the reserved one below
    nsg_ids          = [oci_core_network_security_group.relay.id]
    hostname_label   = "relay${each.key}"
  }

  source_details {
    source_type             = "image"
    source_id               = coalesce(var.image_id, try(data.oci_core_images.ubuntu.images[0].id, null))
    boot_volume_size_in_gbs = 50 # two relays are half of the 200 GB that are free
  }

  metadata = {
    ssh_authorized_keys = trimspace(var.ssh_public_key)
    user_data           = module.coturn[each.key].user_data_base64
  }

  instance_options {
    are_legacy_imds_endpoints_disabled = true
  }

  agent_config {
    is_monitoring_disabled = false
    is_management_disabled = false

    dynamic "plugins_config" {
      for_each = local.bastion ? ["Bastion"] : []
      content {
        name          = plugins_config.value
        desired_state = "ENABLED"
      }
    }
  }

  lifecycle {
    # A relay holds calls: what only a new VM can take (OCI fixes all of this at launch, or would move the VM for it)
    # never makes one in passing. `-replace` does, after the drain (README).
    ignore_changes = [availability_domain, shape, shape_config, source_details[0].source_id, metadata]

    precondition {
      condition     = local.domain[each.key] <= length(local.domains)
      error_message = "The region ${var.region} has ${length(local.domains)} availability domain(s): set availability_domain to one of 1 to ${length(local.domains)}. Where it is out of host capacity, only time or another region helps."
    }
    precondition {
      condition     = var.image_id != null || length(data.oci_core_images.ubuntu.images) > 0
      error_message = "There is no image of Ubuntu 24.04 for ${var.shape} here: name one with image_id."
    }
  }
}

data "oci_core_private_ips" "relay" {
  for_each = var.relays

  subnet_id  = oci_core_subnet.public.id
  ip_address = oci_core_instance.relay[each.key].private_ip
}

# Reserved: it outlives the VM, so DNS and the apps need not know of a rebuild.
resource "oci_core_public_ip" "relay" {
  for_each = var.relays

  compartment_id = var.compartment_id
  display_name   = "webrtc-lite-relay-${each.key}"
  lifetime       = "RESERVED"
  private_ip_id  = data.oci_core_private_ips.relay[each.key].private_ips[0].id

  lifecycle {
    prevent_destroy = true # a relay that goes for good: README, "When a relay goes"
  }
}
