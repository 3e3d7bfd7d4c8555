# Policy documents as JSON.

output "account_policy" {
  value = jsonencode(local.account_policy)
}

output "account_trust" {
  value = jsonencode(local.account_trust)
}

output "task_policy" {
  value = jsonencode(local.task_policy)
}

output "execution_policy" {
  value = jsonencode(local.execution_policy)
}

output "tasks_trust" {
  value = jsonencode(local.tasks_trust)
}

output "controller_policy" {
  value = jsonencode(local.controller_policy)
}

output "controller_trust" {
  value = jsonencode({ Version = "2012-10-17", Statement = [jsondecode(local.controller_trust)] })
}
