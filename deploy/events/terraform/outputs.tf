output "queue_url" {
  description = "EVENTS_QUEUE_URL of the workers"
  value       = aws_sqs_queue.events.url
}

output "queue_arn" {
  value = aws_sqs_queue.events.arn
}

output "accounts_bus_arn" {
  description = "event_bus_arn of deploy/accounts/terraform, EventBusArn of its CloudFormation template"
  value       = one(aws_cloudwatch_event_bus.accounts[*].arn)
}
