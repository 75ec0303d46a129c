terraform {
  required_version = ">= 1.9"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
    random = {
      source  = "hashicorp/random"
      version = "~> 3.6"
    }
  }
}

# Its region, and the account, are those of your credentials and AWS_REGION. The passwords below end up in the state: keep it
# where only those may read it who may read them.
provider "aws" {
  default_tags {
    tags = { service = var.name }
  }
}
