# The VMs, and nobody else, as a group. By their ids: a VM that somebody else makes in the compartment is none of them.
resource "oci_identity_dynamic_group" "relays" {
  compartment_id = var.tenancy_id
  name           = "webrtc-lite-relays"
  description    = "The relays of WebRTC-Lite"
  matching_rule  = "ANY {${join(", ", [for relay in oci_core_instance.relay : "instance.id = '${relay.id}'"])}}"
}

# All that a relay may: read the content of the secret it needs, and of the key to its certificate's issuer.
resource "oci_identity_policy" "relays" {
  compartment_id = var.compartment_id
  name           = "webrtc-lite-relays"
  description    = "The relays of WebRTC-Lite read their shared secret"

  statements = concat(
    ["Allow dynamic-group ${oci_identity_dynamic_group.relays.name} to read secret-bundles in compartment id ${var.compartment_id} where target.secret.name = '${local.secret_name}'"],
    var.acme.eab_secret_id == null ? [] : ["Allow dynamic-group ${oci_identity_dynamic_group.relays.name} to read secret-bundles in compartment id ${var.compartment_id} where target.secret.id = '${var.acme.eab_secret_id}'"],
  )
}
