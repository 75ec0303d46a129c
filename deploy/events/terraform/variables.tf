variable "home_region" {
  description = "The region of the queue: best that of the workers."
  type        = string
}

variable "regions" {
  description = "The regions to which images are copied: REGIONS of the workers, as far as the account has them enabled."
  type        = set(string)
}

variable "queue_name" {
  description = "Each amiferry (each QUEUE_PREFIX) needs a queue of its own. Workers of one amiferry share it."
  type        = string
  default     = "amiferry-events"
}

variable "worker_role_name" {
  description = "Name of the workers' IAM role, to be allowed to read the queue. Without it see docs/iam.md."
  type        = string
  default     = null
}

variable "organization_id" {
  description = "The organization whose accounts may forward their events (deploy/accounts/). Without it only this account's events are taken."
  type        = string
  default     = null
}
