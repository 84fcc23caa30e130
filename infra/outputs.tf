output "relays" {
  description = "What `make configure` writes into the parameters of the functions: the listed relays."
  value = [for name in sort(keys(var.relays)) : {
    host      = var.relays[name].host
    region    = var.relays[name].region
    weight    = var.relays[name].weight
    port      = module.coturn[name].relay.port
    tls_ports = module.coturn[name].relay.tls_ports
  } if var.relays[name].listed]
}

output "addresses" {
  description = "The A record that each name needs in DNS."
  value       = { for name, relay in var.relays : relay.host => oci_core_public_ip.relay[name].ip_address }
}

output "secret_id" {
  description = "Where the shared secret is: rotation needs it. The secret itself is nowhere in Terraform."
  value       = oci_vault_secret.turn.id
}

output "realm" {
  description = "The realm that the relays are asked in."
  value       = var.realm
}

output "region" {
  description = "Where the vault answers."
  value       = var.region
}

output "oci_profile" {
  description = "Who applied this: rotation goes to the vault as the same."
  value       = var.oci_profile
}

output "ssh" {
  description = "How to get a shell on each relay."
  value = { for name, relay in var.relays : name => local.bastion ? join("", [
    "oci bastion session create-managed-ssh --bastion-id ${oci_bastion_bastion.this[0].id} --target-resource-id ${oci_core_instance.relay[name].id} --target-os-username ubuntu --ssh-public-key-file ~/.ssh/id_ed25519.pub",
  ]) : "ssh ubuntu@${relay.host}" }
}
