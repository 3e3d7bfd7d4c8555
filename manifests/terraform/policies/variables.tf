# The two modules use a part each; what a part does not need is left empty.
variable "installation" {
  description = "Name of the installation, as the controller's --installation."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.installation))
    error_message = "An installation's name is lower-case letters, digits and dashes, at most 63."
  }
}

variable "partition" {
  description = "aws, aws-cn or aws-us-gov."
  type        = string
}

variable "region" {
  description = "Region of the proxy."
  type        = string
  default     = ""
}

variable "account_id" {
  description = "Account of the proxy."
  type        = string
  default     = ""
}

variable "proxy_key" {
  description = "namespace/name of the Proxy object."
  type        = string
  default     = ""
}

variable "cluster_name" {
  description = "ECS cluster of the proxy."
  type        = string
  default     = ""
}

variable "task_definition_family" {
  description = "Family of the proxy's task definitions."
  type        = string
  default     = ""
}

variable "task_role_arn" {
  description = "Role of the proxy's tasks."
  type        = string
  default     = ""
}

variable "execution_role_arn" {
  description = "Role with which ECS starts the proxy's tasks."
  type        = string
  default     = ""
}

variable "log_group_name" {
  description = "Log group of the proxy's tasks."
  type        = string
  default     = ""
}

variable "secret_kms_key_arns" {
  description = "Customer keys that the databases' secrets are encrypted with. None for the key that AWS manages."
  type        = list(string)
  default     = []
}

variable "iam_database_users" {
  description = "ARNs of the database users that log in with IAM, arn:aws:rds-db:REGION:ACCOUNT:dbuser:RESOURCE-ID/USER."
  type        = list(string)
  default     = []
}

variable "image_repository_arns" {
  description = "ECR repositories that the image is pulled from. None where it comes from a registry that asks for no login."
  type        = list(string)
  default     = []
}

variable "identity_center_instance_arn" {
  description = "ARN of the IAM Identity Center instance."
  type        = string
  default     = ""
}

variable "identity_store_arn" {
  description = "ARN of its identity store, arn:aws:identitystore::ACCOUNT:identitystore/ID."
  type        = string
  default     = ""
}

variable "proxy_account_ids" {
  description = "Accounts that people may get access in: those of the Proxies, and that of the identity permission set."
  type        = list(string)
  default     = []
}

variable "account_role_arns" {
  description = "Roles that the controller takes in the proxies' accounts."
  type        = list(string)
  default     = []
}

variable "trusted_principal_arns" {
  description = "Who may take a role. None for a role that is taken through EKS."
  type        = list(string)
  default     = []
}

variable "external_id" {
  description = "External ID that whoever takes a role must know."
  type        = string
  default     = ""
}

variable "oidc_provider_arn" {
  description = "The cluster's OIDC provider, for IAM roles for service accounts. Empty: EKS Pod Identity."
  type        = string
  default     = ""
}

variable "oidc_issuer" {
  description = "That provider's issuer without https://."
  type        = string
  default     = ""
}

variable "service_account" {
  description = "namespace:name of the controller's service account."
  type        = string
  default     = "sallyport-system:sallyport-controller"
}

variable "head_key_arns" {
  description = "The KMS key that signs the audit trail's heads, as the controller's --head-key, in a list. None for a key in a file."
  type        = list(string)
  default     = []
}

variable "audit_object_arns" {
  description = "Where the audit trail is delivered in S3, as arn:aws:s3:::BUCKET/PREFIX/*."
  type        = list(string)
  default     = []
}

variable "audit_object_key_arns" {
  description = "Customer keys that those buckets are encrypted with. None for the key that S3 manages."
  type        = list(string)
  default     = []
}

variable "audit_log_group_arns" {
  description = "Where the audit trail is delivered in CloudWatch Logs, as arn:aws:logs:REGION:ACCOUNT:log-group:NAME:*."
  type        = list(string)
  default     = []
}
