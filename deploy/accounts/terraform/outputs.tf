output "role_arn" {
  description = "For the Resource of deploy/iam/assume-roles.json."
  value       = aws_iam_role.target.arn
}
