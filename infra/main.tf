# The relays of one deployment. What a VM is told stands in coturn/, which knows no cloud; here is what OCI is told.

module "coturn" {
  source   = "./coturn"
  for_each = var.relays

  host            = each.value.host
  realm           = var.realm
  relay_ports     = var.relay_ports
  total_quota     = var.total_quota
  ssh_sources     = concat(var.ssh_sources, local.bastion ? [local.subnet_cidr] : [])
  vault_secret_id = oci_vault_secret.turn.id
  acme            = var.acme
  coturn_source   = var.coturn_source
}

locals {
  vcn_cidr    = "10.0.0.0/16"
  subnet_cidr = "10.0.1.0/24"
  anywhere    = "0.0.0.0/0"
  bastion     = length(var.ssh_sources) == 0
}

# A warning in plan and apply, and no refusal: whoever pays may have more.
check "always_free" {
  assert {
    condition     = length(var.relays) <= 2
    error_message = "Two VMs are free, and relays has ${length(var.relays)}: OCI charges for the others by the hour. README: What it costs."
  }
}
