resource "oci_kms_vault" "this" {
  compartment_id = var.compartment_id
  display_name   = "webrtc-lite"
  vault_type     = "DEFAULT" # with software keys it costs nothing

  lifecycle {
    prevent_destroy = true
  }
}

resource "oci_kms_key" "this" {
  # checkov:skip=CKV_OCI_8:It wraps one secret, which is itself rotated; and rotation of software keys by themselves costs money.
  compartment_id      = var.compartment_id
  display_name        = "webrtc-lite"
  management_endpoint = oci_kms_vault.this.management_endpoint
  protection_mode     = "SOFTWARE"

  key_shape {
    algorithm = "AES"
    length    = 32
  }
}

# The secret that Coturn checks credentials with. OCI makes it: Terraform knows its id and never its content. What
# rotation does to it afterwards (make rotate-cloud) is none of Terraform's business.
resource "oci_vault_secret" "turn" {
  compartment_id         = var.compartment_id
  vault_id               = oci_kms_vault.this.id
  key_id                 = oci_kms_key.this.id
  secret_name            = local.secret_name
  description            = "Shared by the relays and by issue_turn_credentials"
  enable_auto_generation = true

  secret_generation_context {
    generation_type     = "PASSPHRASE"
    generation_template = "SECRETS_DEFAULT_PASSWORD"
    passphrase_length   = 48
  }

  lifecycle {
    ignore_changes = [enable_auto_generation, secret_content, secret_generation_context]
  }
}

locals {
  secret_name = "turn-shared-secret"
}
