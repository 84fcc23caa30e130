# A relay that is there, and what becomes of it and of its address when something changes. Run by test_terraform.py in a
# copy without prevent_destroy, which would keep Terraform from tidying up after this.

mock_provider "oci" {
  mock_data "oci_identity_availability_domains" {
    defaults = {
      availability_domains = [{ name = "XyZa:EU-FRANKFURT-1-AD-1" }, { name = "XyZa:EU-FRANKFURT-1-AD-2" }]
    }
  }
  mock_data "oci_core_images" {
    defaults = {
      images = [{ id = "ocid1.image.oc1..newest" }]
    }
  }
  mock_data "oci_core_private_ips" {
    defaults = {
      private_ips = [{ id = "ocid1.privateip.oc1..a" }]
    }
  }
  mock_resource "oci_vault_secret" {
    defaults = {
      id = "ocid1.vaultsecret.oc1..made"
    }
  }
  mock_resource "oci_core_instance" {
    defaults = {
      id         = "ocid1.instance.oc1..made"
      private_ip = "10.0.1.2"
    }
  }
  mock_resource "oci_core_public_ip" {
    defaults = {
      ip_address = "192.0.2.7"
    }
  }
}

variables {
  tenancy_id     = "ocid1.tenancy.oc1..t"
  compartment_id = "ocid1.compartment.oc1..c"
  region         = "eu-frankfurt-1"
  realm          = "example.com"
  relays         = { a = { host = "turn.example.com" } }
  ssh_public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ example"
  alarm_email    = "operator@example.com"
}

run "made" {
  command = apply
}

run "what_only_a_new_vm_can_take_leaves_a_running_one_alone" {
  command = plan
  variables {
    availability_domain = 2
    shape               = "VM.Standard.A1.Flex"
    ssh_public_key      = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK another"
    image_id            = "ocid1.image.oc1..other"
    total_quota         = 200
    coturn_source = {
      version = "4.17.1"
      url     = "https://example.com/coturn-4.17.1.tar.gz"
      sha256  = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    }
  }
  assert {
    condition = [
      oci_core_instance.relay["a"].availability_domain, oci_core_instance.relay["a"].shape, length(oci_core_instance.relay["a"].shape_config),
      oci_core_instance.relay["a"].metadata["ssh_authorized_keys"], oci_core_instance.relay["a"].source_details[0].source_id,
      ] == [
      "XyZa:EU-FRANKFURT-1-AD-1", "VM.Standard.E2.1.Micro", 0,
      "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ example", "ocid1.image.oc1..newest",
    ]
    error_message = "The provider would replace the VM, or fail at changing what cannot be changed."
  }
  assert {
    condition     = oci_core_instance.relay["a"].metadata["user_data"] == run.made.instances["a"].metadata["user_data"]
    error_message = "A changed script would replace the VM."
  }
}

run "a_second_relay_goes_where_there_is_capacity_and_leaves_the_first_alone" {
  command = plan
  variables {
    relays              = { a = { host = "turn.example.com" }, b = { host = "turn-2.example.com" } }
    availability_domain = 2
  }
  assert {
    condition     = [for name in ["a", "b"] : oci_core_instance.relay[name].availability_domain] == ["XyZa:EU-FRANKFURT-1-AD-1", "XyZa:EU-FRANKFURT-1-AD-2"]
    error_message = "Advice for a lack of capacity may not cost calls."
  }
}

run "a_new_vm_keeps_the_address" {
  command = apply
  variables {
    availability_domain = 2
  }
  plan_options {
    replace = [oci_core_instance.relay["a"]]
  }
  assert {
    condition     = oci_core_instance.relay["a"].availability_domain == "XyZa:EU-FRANKFURT-1-AD-2"
    error_message = "A new VM goes by what the variables say."
  }
  assert {
    condition     = oci_core_public_ip.relay["a"].id == run.made.public_addresses["a"].id
    error_message = "DNS and the apps would have to follow."
  }
}
