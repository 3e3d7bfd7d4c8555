output "account_role_arn" {
  description = "For spec.ecs.assumeRoleARN of the Proxy."
  value       = aws_iam_role.account.arn
}

output "cluster_name" {
  description = "For spec.ecs.clusterName of the Proxy."
  value       = aws_ecs_cluster.this.name
}

output "task_role_arn" {
  description = "For spec.service.taskRoleARN of the Proxy."
  value       = aws_iam_role.task.arn
}

output "execution_role_arn" {
  description = "For spec.service.executionRoleARN of the Proxy."
  value       = aws_iam_role.execution.arn
}

output "security_group_id" {
  description = "For spec.service.securityGroupIDs of the Proxy."
  value       = aws_security_group.proxy.id
}

output "log_group_name" {
  description = "For spec.service.logGroup of the Proxy."
  value       = aws_cloudwatch_log_group.proxy.name
}
