variable "trusted_role_arns" {
  description = "The ARNs of the roles of amiferry's API and worker. They have to exist before."
  type        = list(string)

  validation {
    condition     = length(var.trusted_role_arns) > 0 && alltrue([for arn in var.trusted_role_arns : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/[A-Za-z0-9+=.@_/-]+$", arn))])
    error_message = "Name roles such as arn:aws:iam::111111111111:role/amiferry-worker."
  }
}

variable "external_id" {
  description = "The external id, as in the file that externalIdFile of the accounts file names."
  type        = string
  sensitive   = true

  validation {
    condition     = length(var.external_id) >= 2 && length(var.external_id) <= 1224 && can(regex("^[A-Za-z0-9_+=,.@:/-]+$", var.external_id))
    error_message = "The external id must have 2 to 1224 characters: letters, digits and _+=,.@:/-"
  }
}

variable "role_name" {
  description = "The role's name, as in the accounts file."
  type        = string
  default     = "amiferry-target"

  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]{1,56}$", var.role_name))
    error_message = "The name must have 1 to 56 characters: letters, digits and _.- (names of EventBridge rules begin with it)."
  }
}

variable "regions" {
  description = "The regions that may be used in this account, at most those of REGIONS."
  type        = list(string)

  validation {
    condition     = length(var.regions) > 0 && alltrue([for region in var.regions : can(regex("^[a-z]{2,4}(-[a-z]+)+-[0-9]+$", region))])
    error_message = "Name regions such as eu-west-1."
  }
}

variable "source_key_arns" {
  description = "Keys of other accounts that encrypt images to be copied here, such as arn:aws:kms:*:111111111111:key/*."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.source_key_arns : can(regex("^arn:aws[a-z-]*:kms:[a-z0-9*-]+:[0-9]{12}:key/[A-Za-z0-9*-]+$", arn))])
    error_message = "Name keys such as arn:aws:kms:*:111111111111:key/*."
  }
}

variable "allow_sharing" {
  description = "Whether images of this account may be shared, and copied into other accounts."
  type        = bool
  default     = true
}

variable "allow_key_grants" {
  description = "Whether keys of this account may be granted to other accounts."
  type        = bool
  default     = false
}

variable "event_bus_arn" {
  description = "Where EC2's AMI events of these regions are forwarded to: the output accounts_bus_arn of deploy/events/terraform. Without it nothing is forwarded."
  type        = string
  default     = null
}
