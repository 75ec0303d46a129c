locals {
  redis_endpoint = "${aws_memorydb_cluster.this.cluster_endpoint[0].address}:${aws_memorydb_cluster.this.cluster_endpoint[0].port}"
}

output "role_arns" {
  description = "For deploy/kubernetes/overlays/aws/service-accounts.yaml."
  value       = { for process, role in aws_iam_role.this : process => role.arn }
}

output "redis_url" {
  description = "The setting REDIS_URL, for the Secret amiferry-secrets."
  value       = "rediss+cluster://${aws_memorydb_user.this["service"].user_name}:${random_password.redis["service"].result}@${local.redis_endpoint}"
  sensitive   = true
}

output "keda" {
  description = "What KEDA needs to count the queues, for the Secret amiferry-keda."
  value = {
    addresses = local.redis_endpoint
    username  = aws_memorydb_user.this["keda"].user_name
    password  = random_password.redis["keda"].result
  }
  sensitive = true
}

output "events_queue_url" {
  description = "The setting EVENTS_QUEUE_URL."
  value       = one(module.events[*].queue_url)
}

output "accounts_bus_arn" {
  description = "Where other accounts forward EC2's events to (docs/events.md), with organization_id."
  value       = one(module.events[*].accounts_bus_arn)
}
