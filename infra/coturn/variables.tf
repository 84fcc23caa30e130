variable "host" {
  type        = string
  description = "Public name of this relay, as clients find it and as its certificate says: turn.example.com."

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$", var.host)) && length(var.host) <= 253
    error_message = "host has to be a full name in small letters, without scheme, port or final dot: turn.example.com."
  }
}

variable "realm" {
  type        = string
  description = "What the relays of one deployment have in common: the shared secret counts for this realm."

  # Coturn keeps it in 127 characters and takes quotes and blanks as they stand.
  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$", var.realm)) && length(var.realm) <= 127
    error_message = "realm has to be a name like a domain, in small letters and at most 127 characters: example.com."
  }
}

variable "public_address" {
  type        = string
  default     = null
  description = "Public IPv4 address where it is known beforehand; else the VM asks DNS for its own name as Coturn starts."

  validation {
    condition     = var.public_address == null || can(regex("^[0-9.]+$", var.public_address)) && can(cidrhost("${var.public_address}/32", 0))
    error_message = "public_address has to be an IPv4 address such as 198.51.100.7, or null to have the VM ask DNS."
  }
}

variable "relay_ports" {
  type        = object({ min = number, max = number })
  default     = { min = 49152, max = 65535 }
  description = "UDP ports that carry media, one for each allocation."

  validation {
    condition = alltrue([
      floor(var.relay_ports.min) == var.relay_ports.min, floor(var.relay_ports.max) == var.relay_ports.max,
      var.relay_ports.min >= 1024, var.relay_ports.max <= 65535,
    ])
    error_message = "relay_ports have to be whole numbers from 1024 to 65535: min = 49152 and max = 65535."
  }
  validation {
    condition     = var.relay_ports.max - var.relay_ports.min + 1 >= 1024
    error_message = "relay_ports have to span at least 1024 ports, the smaller number as min: each allocation takes one."
  }
  validation {
    condition     = length([for port in local.own_ports : port if port >= var.relay_ports.min && port <= var.relay_ports.max]) == 0
    error_message = "relay_ports may not contain a port that the VM itself listens on (22, 80, 443, 3478, 5349 and metrics_port): take 49152 to 65535."
  }
}

variable "total_quota" {
  type        = number
  default     = 300
  description = "How many allocations this relay holds at most. On 1 GB of memory 300 leave room; each is about 22 kB."

  validation {
    condition     = var.total_quota >= 1 && var.total_quota <= 10000 && floor(var.total_quota) == var.total_quota
    error_message = "total_quota has to be a whole number from 1 to 10000: 300 suits a VM of 1 GB."
  }
  validation {
    condition     = var.total_quota <= var.relay_ports.max - var.relay_ports.min + 1
    error_message = "total_quota may not be more than the ports in relay_ports: each allocation takes one."
  }
}

variable "ssh_sources" {
  type        = list(string)
  default     = []
  description = "IPv4 ranges that may reach port 22, none by default: a range of an office or the subnet of a bastion."

  validation {
    condition     = alltrue([for range in var.ssh_sources : can(cidrhost(range, 0)) && !strcontains(range, ":")])
    error_message = "ssh_sources have to be IPv4 ranges such as 198.51.100.0/24, or 198.51.100.7/32 for one address."
  }
  validation {
    condition     = alltrue([for range in var.ssh_sources : try(tonumber(split("/", range)[1]), 0) >= 16])
    error_message = "ssh_sources may not hold a range wider than /16: name your own, as 198.51.100.7/32, or use the bastion."
  }
  validation {
    condition     = alltrue([for range in var.ssh_sources : try(cidrsubnet(range, 0, 0) == range, true)])
    error_message = "ssh_sources may not hold an address with the length of a range: 198.51.100.0/24 is the range, 198.51.100.7/32 the address."
  }
}

variable "metrics_port" {
  type        = number
  default     = 9641
  description = "Where the metrics are read, on loopback and, from metrics_sources, on the private address."

  validation {
    condition     = var.metrics_port >= 1024 && var.metrics_port <= 65535 && floor(var.metrics_port) == var.metrics_port && !contains([3478, 5349], var.metrics_port)
    error_message = "metrics_port has to be a whole number from 1024 to 65535, and not 3478 or 5349: 9641 is what Coturn's own would be."
  }
}

variable "metrics_sources" {
  type        = list(string)
  default     = []
  description = "Private IPv4 ranges that may read the metrics; by default only the VM itself."

  validation {
    condition     = alltrue([for range in var.metrics_sources : can(cidrhost(range, 0)) && can(regex("^(10\\.|192\\.168\\.|172\\.(1[6-9]|2[0-9]|3[01])\\.)", range)) && try(tonumber(split("/", range)[1]), 0) >= 8])
    error_message = "metrics_sources have to be private IPv4 ranges such as 10.0.0.0/24: metrics are not for the internet."
  }
}

variable "vault_secret_id" {
  type        = string
  default     = null
  description = "OCID of the shared secret in OCI Vault, read by instance principal; null elsewhere: then /etc/webrtc-lite/secrets holds it."

  validation {
    condition     = var.vault_secret_id == null || can(regex("^ocid1\\.vaultsecret\\.[A-Za-z0-9._-]+$", var.vault_secret_id))
    error_message = "vault_secret_id has to be the OCID of a secret, ocid1.vaultsecret...., never the secret itself; or null."
  }
}

variable "acme" {
  type = object({
    server        = optional(string, "https://acme-v02.api.letsencrypt.org/directory")
    email         = optional(string, "")
    eab_secret_id = optional(string)
  })
  default     = {}
  description = "Who issues the certificate. Let's Encrypt needs nothing, and browsers trust it; libwebrtc's own roots do not have it: native apps that need turns: take Google's server, https://dv.acme-v02.api.pki.goog/directory, with eab_secret_id."

  validation {
    condition     = can(regex("^https://[A-Za-z0-9.-]+(:[0-9]+)?/[A-Za-z0-9._~/?=&%-]*$", var.acme.server))
    error_message = "acme.server has to be the https address of an ACME directory: https://acme-v02.api.letsencrypt.org/directory."
  }
  validation {
    condition     = var.acme.email == "" || can(regex("^[^@\\s'\"]+@[^@\\s'\"]+\\.[^@\\s'\"]+$", var.acme.email))
    error_message = "acme.email has to be a mail address, for the issuer's warnings, or nothing."
  }
  validation {
    condition     = var.acme.eab_secret_id == null || can(regex("^ocid1\\.vaultsecret\\.[A-Za-z0-9._-]+$", var.acme.eab_secret_id))
    error_message = "acme.eab_secret_id has to be the OCID of a vault secret that holds `kid hmac-key`, never the key itself."
  }
}

variable "coturn_source" {
  type        = object({ version = string, url = string, sha256 = string })
  default     = null
  description = "A pinned Coturn, built on the VM from this archive; null installs the distribution's. On Arm a pinned one of 4.10 or newer is a must."

  validation {
    condition     = var.coturn_source == null || can(regex("^([5-9]|[1-9][0-9]+|4\\.[1-9][0-9]+)(\\.[0-9a-z.-]+)?$", try(var.coturn_source.version, "")))
    error_message = "coturn_source.version has to be 4.10 or newer, as 4.17.1: an older one gains nothing over the distribution's, and crashes on Arm."
  }
  validation {
    condition     = var.coturn_source == null || (can(regex("^https://[^\\s'\"]+\\.tar\\.gz$", var.coturn_source.url)) && can(regex("^[0-9a-f]{64}$", var.coturn_source.sha256)))
    error_message = "coturn_source has to name a .tar.gz by https and its SHA-256 in 64 small hex digits: sha256sum prints it."
  }
}

locals {
  own_ports = [22, 80, 443, 3478, 5349, var.metrics_port]
}
