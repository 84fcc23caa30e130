variable "tenancy_id" {
  type        = string
  description = "OCID of the tenancy: Profile menu, Tenancy."

  validation {
    condition     = can(regex("^ocid1\\.tenancy\\.[A-Za-z0-9._-]+$", var.tenancy_id))
    error_message = "tenancy_id has to be the OCID of the tenancy, ocid1.tenancy....: Profile menu, Tenancy."
  }
}

variable "compartment_id" {
  type        = string
  description = "OCID of the compartment that holds everything: one of its own, so that the budget counts nothing else."

  validation {
    condition     = can(regex("^ocid1\\.compartment\\.[A-Za-z0-9._-]+$", var.compartment_id))
    error_message = "compartment_id has to be the OCID of a compartment, ocid1.compartment....: Identity, Compartments, Create."
  }
}

variable "region" {
  type        = string
  description = "The tenancy's home region, since Always Free counts there only: eu-frankfurt-1."

  validation {
    condition     = can(regex("^[a-z]{2,}-[a-z]+-[0-9]+$", var.region))
    error_message = "region has to be the identifier of a region, such as eu-frankfurt-1: Profile menu, Tenancy, Home region."
  }
}

variable "oci_profile" {
  type        = string
  default     = "DEFAULT"
  description = "The profile of ~/.oci/config that applies this."

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]+$", var.oci_profile))
    error_message = "oci_profile has to be the name of a profile in ~/.oci/config: DEFAULT is the first one there."
  }
}

variable "realm" {
  type        = string
  description = "A name for all relays of this deployment: the domain of the app, example.com. Changing it later refuses every credential that is out."

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$", var.realm)) && length(var.realm) <= 127
    error_message = "realm has to be a name like a domain, in small letters and at most 127 characters: example.com."
  }
}

variable "relays" {
  type = map(object({
    host                = string
    region              = optional(string, "")
    weight              = optional(number, 1)
    listed              = optional(bool, true)
    availability_domain = optional(number)
  }))
  description = "The relays, each under a short name that stays: {a = {host = \"turn.example.com\"}}. region and weight order them for clients; listed = false takes one out of what functions hand out, before it is replaced."

  validation {
    condition     = length(var.relays) >= 1 && length(var.relays) <= 8
    error_message = "relays has to name 1 to 8 relays: {a = {host = \"turn.example.com\"}}. Two of VM.Standard.E2.1.Micro are free."
  }
  validation {
    condition     = alltrue([for name in keys(var.relays) : can(regex("^[a-z][a-z0-9]{0,9}$", name))])
    error_message = "The names in relays have to be 1 to 10 small letters and digits, a letter first: a, b, eu1."
  }
  validation {
    condition     = alltrue([for relay in values(var.relays) : can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$", relay.host))])
    error_message = "The host of a relay has to be a full name in small letters, without scheme or port: turn.example.com."
  }
  validation {
    condition     = length(distinct(values(var.relays)[*].host)) == length(var.relays)
    error_message = "Two relays have the same host: each has its own address, so each needs its own name."
  }
  validation {
    condition     = alltrue([for relay in values(var.relays) : relay.weight >= 1 && relay.weight <= 1000 && floor(relay.weight) == relay.weight])
    error_message = "The weight of a relay has to be a whole number from 1 to 1000: 1 for all gives each the same share."
  }
  validation {
    condition     = alltrue([for relay in values(var.relays) : can(regex("^[A-Za-z0-9_-]{0,64}$", relay.region))])
    error_message = "The region of a relay has to be up to 64 letters, digits, _ or -, as clients name it: eu."
  }
  validation {
    condition     = alltrue([for relay in values(var.relays) : relay.availability_domain == null || contains([1, 2, 3], coalesce(relay.availability_domain, 0))])
    error_message = "The availability_domain of a relay has to be 1, 2 or 3, or left out to take the deployment's."
  }
  validation {
    condition     = anytrue(values(var.relays)[*].listed)
    error_message = "No relay is listed, so functions would hand out none: leave one with listed = true, or add one before the last goes."
  }
}

variable "availability_domain" {
  type        = number
  default     = 1
  description = "In which of the region's availability domains the VMs are made: 1, 2 or 3; some regions have one. Where `Out of host capacity` is said, try the next."

  validation {
    condition     = contains([1, 2, 3], var.availability_domain)
    error_message = "availability_domain has to be 1, 2 or 3."
  }
}

variable "shape" {
  type        = string
  default     = "VM.Standard.E2.1.Micro"
  description = "VM.Standard.E2.1.Micro (x86, two are free, about 50 Mbit/s), or VM.Standard.A1.Flex (Arm, free capacity is rare) together with coturn_source."

  validation {
    condition     = contains(["VM.Standard.E2.1.Micro", "VM.Standard.A1.Flex"], var.shape)
    error_message = "shape has to be VM.Standard.E2.1.Micro or VM.Standard.A1.Flex: no other one is Always Free."
  }
  validation {
    condition     = var.shape != "VM.Standard.A1.Flex" || can(regex("^([5-9]|[1-9][0-9]+|4\\.[1-9][0-9]+)(\\.[0-9a-z.-]+)?$", try(var.coturn_source.version, "")))
    error_message = "VM.Standard.A1.Flex needs coturn_source with version 4.10 or newer: the distribution's Coturn crashes on Arm at one packet (CVE-2026-40613). Pin one, or take VM.Standard.E2.1.Micro."
  }
}

variable "coturn_source" {
  type        = object({ version = string, url = string, sha256 = string })
  default     = null
  description = "A pinned Coturn that each VM builds for itself: version (4.10 or newer), url of a .tar.gz, its sha256. Left out, the distribution's is installed."

  validation {
    condition     = var.coturn_source == null || can(regex("^([5-9]|[1-9][0-9]+|4\\.[1-9][0-9]+)(\\.[0-9a-z.-]+)?$", try(var.coturn_source.version, "")))
    error_message = "coturn_source.version has to be 4.10 or newer, as 4.17.1: an older one gains nothing over the distribution's."
  }
}

variable "relay_ports" {
  type        = object({ min = number, max = number })
  default     = { min = 49152, max = 65535 }
  description = "UDP ports that carry media. The default is what firewalls of clients expect."

  validation {
    condition     = var.relay_ports.min >= 1024 && var.relay_ports.max <= 65535 && var.relay_ports.max - var.relay_ports.min >= 1023
    error_message = "relay_ports have to lie within 1024 to 65535 and span at least 1024 ports: {min = 49152, max = 65535}."
  }
  validation {
    condition     = length([for port in [3478, 5349, 9641] : port if port >= var.relay_ports.min && port <= var.relay_ports.max]) == 0
    error_message = "relay_ports may not contain 3478, 5349 or 9641, where the relay itself listens: {min = 49152, max = 65535}."
  }
}

variable "total_quota" {
  type        = number
  default     = 300
  description = "How many allocations a relay holds at most."

  validation {
    condition     = var.total_quota >= 1 && var.total_quota <= 10000 && floor(var.total_quota) == var.total_quota
    error_message = "total_quota has to be a whole number from 1 to 10000: 300 suits VM.Standard.E2.1.Micro."
  }
}

variable "ssh_public_key" {
  type        = string
  description = "The operator's public key, one line: the content of ~/.ssh/id_ed25519.pub."

  validation {
    condition     = can(regex("^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)|sk-[a-z0-9-]+@openssh\\.com) [A-Za-z0-9+/=]+( [^\\n]*)?\\n?$", var.ssh_public_key))
    error_message = "ssh_public_key has to be one public key in one line, ssh-ed25519 AAAA...: never the private one."
  }
}

variable "ssh_sources" {
  type        = list(string)
  default     = []
  description = "IPv4 ranges that may reach port 22: [\"198.51.100.7/32\"]. Empty, which is the default, a bastion of OCI is made instead, free as well."

  validation {
    condition     = alltrue([for range in var.ssh_sources : can(cidrhost(range, 0)) && !strcontains(range, ":")])
    error_message = "ssh_sources have to be IPv4 ranges such as 198.51.100.0/24, or 198.51.100.7/32 for one address."
  }
  validation {
    condition     = alltrue([for range in var.ssh_sources : try(tonumber(split("/", range)[1]), 0) >= 16])
    error_message = "ssh_sources may not hold a range wider than /16, and never 0.0.0.0/0: name your own address, as 198.51.100.7/32, or leave it empty and take the bastion."
  }
  validation {
    condition     = alltrue([for range in var.ssh_sources : try(cidrsubnet(range, 0, 0) == range, true)])
    error_message = "ssh_sources may not hold an address with the length of a range: 198.51.100.0/24 is the range, 198.51.100.7/32 the address."
  }
  validation {
    condition     = length(distinct(var.ssh_sources)) == length(var.ssh_sources)
    error_message = "ssh_sources hold a range twice: each once, as [\"198.51.100.7/32\"]."
  }
}

variable "bastion_sources" {
  type        = list(string)
  default     = ["0.0.0.0/0"]
  description = "From where the bastion may be used, where there is one. It lets nobody in without an OCI login and a session of three hours at most."

  validation {
    condition     = length(var.bastion_sources) > 0 && alltrue([for range in var.bastion_sources : can(cidrhost(range, 0)) && !strcontains(range, ":")])
    error_message = "bastion_sources have to be IPv4 ranges such as 198.51.100.0/24."
  }
  validation {
    condition     = alltrue([for range in var.bastion_sources : try(cidrsubnet(range, 0, 0) == range, true)])
    error_message = "bastion_sources may not hold an address with the length of a range: 198.51.100.0/24 is the range, 198.51.100.7/32 the address."
  }
}

variable "acme" {
  type = object({
    server        = optional(string, "https://acme-v02.api.letsencrypt.org/directory")
    email         = optional(string, "")
    eab_secret_id = optional(string)
  })
  default     = {}
  description = "Who issues certificates. Let's Encrypt, the default, suits browsers. Native apps (libwebrtc's own roots do not have it) reach turns: with Google's: {server = \"https://dv.acme-v02.api.pki.goog/directory\", eab_secret_id = OCID of a vault secret `kid hmac-key`}."

  validation {
    condition     = can(regex("^https://[A-Za-z0-9.-]+(:[0-9]+)?/[A-Za-z0-9._~/?=&%-]*$", var.acme.server))
    error_message = "acme.server has to be the https address of an ACME directory: https://acme-v02.api.letsencrypt.org/directory."
  }
}

variable "alarm_email" {
  type        = string
  description = "Where alarms and the budget go. OCI sends a link there first, which has to be clicked once."

  validation {
    condition     = can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", var.alarm_email))
    error_message = "alarm_email has to be a mail address: operator@example.com."
  }
}

variable "traffic_alarm_tb" {
  type        = number
  default     = 8
  description = "Of the 10 TB a month that are free for the whole tenancy: a day that would exceed this many, were every day like it, raises an alarm."

  validation {
    condition     = var.traffic_alarm_tb > 0 && var.traffic_alarm_tb <= 10
    error_message = "traffic_alarm_tb has to be more than 0 and at most 10, from where on OCI charges: 8 leaves time to act."
  }
}

variable "image_id" {
  type        = string
  default     = null
  description = "OCID of an image of Ubuntu 24.04, to stay with one; left out, a new VM gets the newest."

  validation {
    condition     = var.image_id == null || can(regex("^ocid1\\.image\\.[A-Za-z0-9._-]+$", var.image_id))
    error_message = "image_id has to be the OCID of an image, ocid1.image...., or left out for the newest Ubuntu 24.04."
  }
}
