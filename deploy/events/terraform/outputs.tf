output "queue_url" {
  description = "EVENTS_QUEUE_URL of the workers"
  value       = aws_sqs_queue.events.url
}

output "queue_arn" {
  value = aws_sqs_queue.events.arn
}
