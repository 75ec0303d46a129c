terraform {
  required_version = ">= 1.9"
  required_providers {
    aws = {
      source = "hashicorp/aws"
      # The first in which a resource may be in another region than its provider.
      version = ">= 6.0"
    }
  }
}
