variable "name" {
  description = "What everything is called. The roles' names begin with it."
  type        = string
  default     = "amiferry"
}

variable "namespace" {
  description = "The namespace in Kubernetes that the service runs in."
  type        = string
  default     = "amiferry"
}

variable "oidc_provider_arn" {
  description = "The IAM OIDC provider of the EKS cluster, which vouches for its service accounts."
  type        = string
}

variable "vpc_id" {
  description = "The VPC of the EKS cluster."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets of that VPC for Redis, in two availability zones at least."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "Redis and its replica need subnets in two availability zones."
  }
}

variable "client_security_group_ids" {
  description = "Security groups of the pods (or of their nodes) that may reach Redis: API, worker, and KEDA's operator."
  type        = list(string)
}

variable "regions" {
  description = "Regions that images may be copied from and to: the same as the setting REGIONS."
  type        = list(string)

  validation {
    condition     = length(var.regions) > 0 && alltrue([for region in var.regions : can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", region))])
    error_message = "Name regions such as eu-west-1."
  }
}

variable "allow_sharing" {
  description = "Whether the worker may share images and snapshots."
  type        = bool
  default     = true
}

variable "allow_key_grants" {
  description = "Whether the worker may grant KMS keys to other accounts (grantKeyAccess)."
  type        = bool
  default     = false
}

variable "listen_to_events" {
  description = "Whether EC2's own events are led to a queue that the workers listen to."
  type        = bool
  default     = true
}

variable "organization_id" {
  description = "The organization whose accounts may forward EC2's events to that queue (docs/events.md)."
  type        = string
  default     = null
}

variable "redis_node_type" {
  description = "Size of Redis: docs/scale.md has the arithmetic."
  type        = string
  default     = "db.t4g.small"
}

variable "redis_replicas" {
  description = "Replicas beside the primary, each in another availability zone."
  type        = number
  default     = 1

  validation {
    condition     = var.redis_replicas >= 1 && var.redis_replicas <= 5
    error_message = "Between 1 and 5: without a replica there is nothing to fail over to."
  }
}

variable "redis_engine_version" {
  description = "Redis OSS 7: what the service was tried with."
  type        = string
  default     = "7.1"
}
