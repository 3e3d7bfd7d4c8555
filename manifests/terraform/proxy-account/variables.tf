variable "installation" {
  description = "Name of the installation, as the controller's --installation."
  type        = string
}

variable "proxy_key" {
  description = "namespace/name of the Proxy object. Secrets that its tasks may read carry the tag sallyport.dev/proxy with this value."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9-]{1,63}/[a-z0-9.-]{1,253}$", var.proxy_key))
    error_message = "namespace/name of the Proxy object, such as access/main."
  }
}

variable "controller_role_arn" {
  description = "Role of the controller (the module identity-center makes it); it alone may take the role made here."
  type        = string
}

variable "external_id" {
  description = "External ID that the controller presents, spec.ecs.externalID of the Proxy. Null: sallyport: and the installation's name."
  type        = string
  default     = null
}

variable "vpc_id" {
  description = "VPC of the databases, where the tasks run."
  type        = string
}

variable "databases" {
  description = "Databases that the tasks reach, by a name of your own: security group and port of each."
  type = map(object({
    security_group_id = string
    port              = number
  }))
  default = {}
}

variable "egress_cidr_blocks" {
  description = "Where the tasks reach the controller and AWS on port 443."
  type        = list(string)
  default     = ["0.0.0.0/0"]
}

variable "cluster_name" {
  description = "Name of the ECS cluster."
  type        = string
  default     = "sallyport"
}

variable "task_definition_family" {
  description = "Family of the task definitions, as in the Proxy."
  type        = string
  default     = "sallyport-proxy"
}

variable "account_role_name" {
  description = "Name of the role that the controller takes in this account."
  type        = string
  default     = "sallyport-account"
}

variable "name_prefix" {
  description = "Begins the names of the tasks' roles and security group."
  type        = string
  default     = "sallyport-proxy"
}

variable "log_group_name" {
  description = "Log group of the tasks."
  type        = string
  default     = "/sallyport/proxy"
}

variable "log_retention_days" {
  description = "How long logs are kept. Statements are not in them: those are the audit trail's."
  type        = number
  default     = 30
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

variable "tags" {
  description = "Tags of everything that is made here."
  type        = map(string)
  default     = {}
}
