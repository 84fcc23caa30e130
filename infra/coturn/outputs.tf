output "turnserver_conf" {
  description = "Coturn's configuration; the VM puts its own addresses in."
  value       = local.turnserver_conf
}

output "files" {
  description = "Every file that the VM gets, by path."
  value       = local.files
}

output "user_data" {
  description = "cloud-init's input as text: for any Ubuntu VM, of any cloud."
  value       = local.user_data

  # A shell reads them as root: whatever the validations let pass, none may end its quotes.
  precondition {
    condition     = alltrue([for value in values(local.parameters) : can(regex("^[^'\n\r]*$", value))])
    error_message = "A value holds a quote or a line break, and the VM's scripts would run what stands behind it."
  }
}

output "user_data_base64" {
  description = "The same, compressed, as OCI's metadata takes it."
  value       = local.user_data_base64

  # All of an instance's metadata together may have 32,000 bytes; keys for SSH want some of them.
  precondition {
    condition     = length(local.user_data_base64) <= 28000
    error_message = "The user-data has ${length(local.user_data_base64)} bytes, and OCI takes 32,000 for all metadata: shorten what the VM is given below infra/coturn/vm/."
  }
}

output "relay" {
  description = "What clients have to know of it."
  value       = { host = var.host, port = 3478, tls_ports = [5349, 443] }
}
