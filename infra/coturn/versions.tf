# No provider: it renders text and can be planned and tested anywhere, without a registry or an account.
terraform {
  required_version = ">= 1.9.0" # a validation that looks at a second variable
}
