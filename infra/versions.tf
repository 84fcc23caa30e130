terraform {
  required_version = ">= 1.9.0"

  required_providers {
    oci = {
      source  = "oracle/oci"
      version = "~> 8.28"
    }
  }
}

# Who applies: an API key in ~/.oci/config, or whatever else the provider finds. No key stands here.
provider "oci" {
  region              = var.region
  config_file_profile = var.oci_profile
}
