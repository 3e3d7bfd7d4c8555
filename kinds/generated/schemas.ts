// Generated from crds/ by `npm run generate`. Do not edit: change the CRD and generate again.
import type { KindDefinition } from "../schema.ts";
import type { AccessWorkflow } from "./accessworkflow.ts";
import type { Availability } from "./availability.ts";
import type { Database } from "./database.ts";
import type { Grant } from "./grant.ts";
import type { GrantReview } from "./grantreview.ts";
import type { Proxy } from "./proxy.ts";

/** Group and version of all kinds. */
export const apiVersion = "sallyport.dev/v1alpha1";

/** Name of a kind. */
export type Kind = "AccessWorkflow" | "Availability" | "Database" | "Grant" | "GrantReview" | "Proxy";

/** An object of any kind. */
export type AnyObject = AccessWorkflow | Availability | Database | Grant | GrantReview | Proxy;

/** All kinds. */
export const kinds: readonly Kind[] = ["AccessWorkflow","Availability","Database","Grant","GrantReview","Proxy"];

/** Names and schema of each kind, as in its CRD. */
export const definitions: { readonly [K in Kind]: KindDefinition } = {
  "AccessWorkflow": {
    "kind": "AccessWorkflow",
    "plural": "accessworkflows",
    "singular": "accessworkflow",
    "shortNames": [
      "awf"
    ],
    "schema": {
      "description": "The policy of a Grant: how long it may last, who must approve it, and what reason it needs.",
      "type": "object",
      "required": [
        "spec"
      ],
      "properties": {
        "apiVersion": {
          "description": "Always sallyport.dev/v1alpha1.",
          "type": "string"
        },
        "kind": {
          "description": "Always AccessWorkflow.",
          "type": "string"
        },
        "metadata": {
          "type": "object",
          "properties": {
            "name": {
              "type": "string",
              "maxLength": 63
            }
          }
        },
        "spec": {
          "description": "The policy. Absent `approvalSteps` means that a matching Grant is approved at once.",
          "type": "object",
          "required": [
            "maxDurationSeconds"
          ],
          "x-kubernetes-validations": [
            {
              "rule": "!has(self.defaultDurationSeconds) || self.defaultDurationSeconds <= self.maxDurationSeconds",
              "message": "defaultDurationSeconds must be no more than maxDurationSeconds",
              "reason": "FieldValueInvalid",
              "fieldPath": ".defaultDurationSeconds"
            },
            {
              "rule": "!has(self.extension) || !has(self.extension.durationSeconds) || self.extension.durationSeconds <= self.maxDurationSeconds",
              "message": "extension.durationSeconds must be no more than maxDurationSeconds",
              "reason": "FieldValueInvalid",
              "fieldPath": ".extension.durationSeconds"
            }
          ],
          "properties": {
            "maxDurationSeconds": {
              "description": "Longest access that may be asked for, in seconds.",
              "type": "integer",
              "format": "int32",
              "minimum": 60,
              "maximum": 604800
            },
            "defaultDurationSeconds": {
              "description": "Length that the command line proposes, in seconds. Absent: the maximum.",
              "type": "integer",
              "format": "int32",
              "minimum": 60,
              "maximum": 604800
            },
            "priority": {
              "description": "Of several workflows that match, the highest wins; ties choose the stricter one. Absent means 0.",
              "type": "integer",
              "format": "int32",
              "minimum": 0,
              "maximum": 1000
            },
            "approvalDeadlineSeconds": {
              "description": "Seconds from request until a Grant that is not approved is denied. Absent: until its notAfterTime.",
              "type": "integer",
              "format": "int32",
              "minimum": 60,
              "maximum": 2592000
            },
            "activationDeadlineSeconds": {
              "description": "Seconds from approval until a Grant that did not become live is ended. Absent: until its notAfterTime.",
              "type": "integer",
              "format": "int32",
              "minimum": 60,
              "maximum": 2592000
            },
            "approvalSteps": {
              "description": "Steps that must all be approved. Absent or empty: approved at once.",
              "type": "array",
              "maxItems": 8,
              "x-kubernetes-list-type": "map",
              "x-kubernetes-list-map-keys": [
                "name"
              ],
              "items": {
                "description": "One step.",
                "type": "object",
                "required": [
                  "name",
                  "approvers"
                ],
                "x-kubernetes-validations": [
                  {
                    "rule": "!has(self.requiredApprovals) || self.requiredApprovals <= self.approvers.size() || self.approvers.exists(a, a.kind == 'Group')",
                    "message": "requiredApprovals must be no more than the number of approvers when none of them is a Group",
                    "reason": "FieldValueInvalid",
                    "fieldPath": ".requiredApprovals"
                  }
                ],
                "properties": {
                  "name": {
                    "description": "Name of the step.",
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 63,
                    "pattern": "^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$"
                  },
                  "approvers": {
                    "description": "Who may approve this step. One person counts for one step only, also where several name them.",
                    "type": "array",
                    "minItems": 1,
                    "maxItems": 64,
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": [
                      "kind",
                      "name"
                    ],
                    "items": {
                      "description": "One approver.",
                      "type": "object",
                      "required": [
                        "kind",
                        "name"
                      ],
                      "properties": {
                        "kind": {
                          "description": "User and Group are those of the Identity Store; Pipeline is a CI identity.",
                          "type": "string",
                          "enum": [
                            "User",
                            "Group",
                            "Pipeline"
                          ]
                        },
                        "name": {
                          "description": "User name, or display name of the group.",
                          "type": "string",
                          "minLength": 1,
                          "maxLength": 256,
                          "pattern": "^[\\p{L}\\p{M}\\p{S}\\p{N}\\p{P} ]+$"
                        }
                      }
                    }
                  },
                  "requiredApprovals": {
                    "description": "How many different approvers must approve. Absent means 1.",
                    "type": "integer",
                    "format": "int32",
                    "minimum": 1,
                    "maximum": 16
                  },
                  "selfApproval": {
                    "description": "Whether principal or requester may approve their own Grant. Absent means Forbid.",
                    "type": "string",
                    "enum": [
                      "Forbid",
                      "Allow"
                    ]
                  }
                }
              }
            },
            "extension": {
              "description": "How a live Grant may be extended. Absent: not at all.",
              "type": "object",
              "required": [
                "maxCount"
              ],
              "properties": {
                "maxCount": {
                  "description": "How often.",
                  "type": "integer",
                  "format": "int32",
                  "minimum": 0,
                  "maximum": 100
                },
                "durationSeconds": {
                  "description": "Length of each extension, in seconds. Absent: the Grant's own durationSeconds.",
                  "type": "integer",
                  "format": "int32",
                  "minimum": 60,
                  "maximum": 604800
                },
                "afterPercent": {
                  "description": "Share of the current period, in percent, that must be over before an extension counts: 50 keeps people from extending at once. Absent: at any time while the access is live.",
                  "type": "integer",
                  "format": "int32",
                  "minimum": 1,
                  "maximum": 99
                }
              }
            },
            "reasonPolicy": {
              "description": "What the Grant's `reason` must look like. Absent: optional, any text.",
              "type": "object",
              "required": [
                "requirement"
              ],
              "properties": {
                "requirement": {
                  "description": "Whether a reason must be given.",
                  "type": "string",
                  "enum": [
                    "Required",
                    "Optional"
                  ]
                },
                "patterns": {
                  "description": "Patterns that a given reason must all match.",
                  "type": "array",
                  "maxItems": 8,
                  "x-kubernetes-list-type": "map",
                  "x-kubernetes-list-map-keys": [
                    "pattern"
                  ],
                  "items": {
                    "description": "One pattern.",
                    "type": "object",
                    "required": [
                      "pattern",
                      "message"
                    ],
                    "properties": {
                      "pattern": {
                        "description": "Regular expression (RE2: no look-around, no back-references), found anywhere in the reason.",
                        "type": "string",
                        "minLength": 1,
                        "maxLength": 256
                      },
                      "message": {
                        "description": "What the person is told when it does not match.",
                        "type": "string",
                        "minLength": 1,
                        "maxLength": 256
                      }
                    }
                  }
                }
              }
            },
            "breakGlass": {
              "description": "Who may skip the approval steps with `urgency: BreakGlass`. Absent: nobody.",
              "type": "object",
              "required": [
                "subjects"
              ],
              "properties": {
                "subjects": {
                  "description": "People and groups.",
                  "type": "array",
                  "minItems": 1,
                  "maxItems": 64,
                  "x-kubernetes-list-type": "map",
                  "x-kubernetes-list-map-keys": [
                    "kind",
                    "name"
                  ],
                  "items": {
                    "description": "One person or group.",
                    "type": "object",
                    "required": [
                      "kind",
                      "name"
                    ],
                    "properties": {
                      "kind": {
                        "description": "User and Group are those of the Identity Store.",
                        "type": "string",
                        "enum": [
                          "User",
                          "Group"
                        ]
                      },
                      "name": {
                        "description": "User name, or display name of the group.",
                        "type": "string",
                        "minLength": 1,
                        "maxLength": 256,
                        "pattern": "^[\\p{L}\\p{M}\\p{S}\\p{N}\\p{P} ]+$"
                      }
                    }
                  }
                }
              }
            }
          }
        },
        "status": {
          "description": "How the workflow is used. Written by the controller only.",
          "type": "object",
          "properties": {
            "observedGeneration": {
              "description": "The metadata.generation that this status was last settled for.",
              "type": "integer",
              "format": "int64",
              "minimum": 0
            },
            "lastHandledReconcileAt": {
              "description": "The value of the annotation sallyport.dev/reconcile-requested-at that was last acted on.",
              "type": "string",
              "maxLength": 256
            },
            "conditions": {
              "description": "What is true of the object now, one entry per type (Kubernetes API conventions, typical status properties).",
              "type": "array",
              "maxItems": 16,
              "x-kubernetes-list-type": "map",
              "x-kubernetes-list-map-keys": [
                "type"
              ],
              "items": {
                "description": "One observation about the object.",
                "type": "object",
                "required": [
                  "type",
                  "status",
                  "lastTransitionTime",
                  "reason",
                  "message"
                ],
                "properties": {
                  "type": {
                    "description": "CamelCase name of the condition, such as Ready or Active.",
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 316,
                    "pattern": "^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$"
                  },
                  "status": {
                    "description": "Whether the condition holds; Unknown when it could not be observed.",
                    "type": "string",
                    "enum": [
                      "True",
                      "False",
                      "Unknown"
                    ]
                  },
                  "observedGeneration": {
                    "description": "The metadata.generation that the condition was computed from.",
                    "type": "integer",
                    "format": "int64",
                    "minimum": 0
                  },
                  "lastTransitionTime": {
                    "description": "When `status` last changed. A change of reason or message alone does not move it.",
                    "type": "string",
                    "format": "date-time",
                    "maxLength": 29,
                    "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,3})?(Z|[+-][0-9]{2}:[0-9]{2})$"
                  },
                  "reason": {
                    "description": "CamelCase cause, stable and meant for programs.",
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 1024,
                    "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"
                  },
                  "message": {
                    "description": "What a person should know: what happened, why, and what to do. May be empty.",
                    "type": "string",
                    "maxLength": 32768
                  }
                }
              }
            },
            "availabilities": {
              "description": "Availabilities that refer to it.",
              "type": "integer",
              "format": "int32",
              "minimum": 0,
              "maximum": 100000
            }
          }
        }
      }
    }
  },
  "Availability": {
    "kind": "Availability",
    "plural": "availabilities",
    "singular": "availability",
    "shortNames": [
      "avl"
    ],
    "schema": {
      "description": "Who may ask for which roles on which databases, under which workflow.",
      "type": "object",
      "required": [
        "spec"
      ],
      "properties": {
        "apiVersion": {
          "description": "Always sallyport.dev/v1alpha1.",
          "type": "string"
        },
        "kind": {
          "description": "Always Availability.",
          "type": "string"
        },
        "metadata": {
          "type": "object",
          "properties": {
            "name": {
              "type": "string",
              "maxLength": 63
            }
          }
        },
        "spec": {
          "description": "The offer. Exactly one of `databaseRefs` and `databaseSelector` is set.",
          "type": "object",
          "required": [
            "subjects",
            "workflowRef",
            "roleNames"
          ],
          "x-kubernetes-validations": [
            {
              "rule": "has(self.databaseRefs) != has(self.databaseSelector)",
              "message": "exactly one of databaseRefs or databaseSelector must be set",
              "reason": "FieldValueInvalid"
            }
          ],
          "properties": {
            "subjects": {
              "description": "Who may ask.",
              "type": "array",
              "minItems": 1,
              "maxItems": 64,
              "x-kubernetes-list-type": "map",
              "x-kubernetes-list-map-keys": [
                "kind",
                "name"
              ],
              "items": {
                "description": "One person or group.",
                "type": "object",
                "required": [
                  "kind",
                  "name"
                ],
                "properties": {
                  "kind": {
                    "description": "User and Group are those of the Identity Store.",
                    "type": "string",
                    "enum": [
                      "User",
                      "Group"
                    ]
                  },
                  "name": {
                    "description": "User name, or display name of the group.",
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 256,
                    "pattern": "^[\\p{L}\\p{M}\\p{S}\\p{N}\\p{P} ]+$"
                  }
                }
              }
            },
            "workflowRef": {
              "description": "The AccessWorkflow that applies.",
              "type": "object",
              "required": [
                "name"
              ],
              "x-kubernetes-map-type": "atomic",
              "properties": {
                "name": {
                  "description": "Name of the AccessWorkflow, in the same namespace.",
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 63,
                  "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
                }
              }
            },
            "roleNames": {
              "description": "Names of the roles that may be asked for.",
              "type": "array",
              "minItems": 1,
              "maxItems": 32,
              "x-kubernetes-list-type": "set",
              "items": {
                "description": "Name of one entry of a Database's `roles`.",
                "type": "string",
                "minLength": 1,
                "maxLength": 63,
                "pattern": "^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$"
              }
            },
            "databaseRefs": {
              "description": "The databases, by name.",
              "type": "array",
              "minItems": 1,
              "maxItems": 64,
              "x-kubernetes-list-type": "map",
              "x-kubernetes-list-map-keys": [
                "name"
              ],
              "items": {
                "description": "One Database.",
                "type": "object",
                "required": [
                  "name"
                ],
                "properties": {
                  "name": {
                    "description": "Name of the Database, in the same namespace.",
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 63,
                    "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
                  }
                }
              }
            },
            "databaseSelector": {
              "description": "The databases, by their labels. It must name at least one label: an empty selector would match everything.",
              "type": "object",
              "minProperties": 1,
              "x-kubernetes-map-type": "atomic",
              "properties": {
                "matchLabels": {
                  "description": "Labels that a Database must all carry.",
                  "type": "object",
                  "minProperties": 1,
                  "maxProperties": 32,
                  "additionalProperties": {
                    "description": "Value of the label.",
                    "type": "string",
                    "maxLength": 63
                  }
                },
                "matchExpressions": {
                  "description": "Requirements that a Database must all meet.",
                  "type": "array",
                  "minItems": 1,
                  "maxItems": 16,
                  "x-kubernetes-list-type": "atomic",
                  "items": {
                    "description": "One requirement.",
                    "type": "object",
                    "required": [
                      "key",
                      "operator"
                    ],
                    "x-kubernetes-validations": [
                      {
                        "rule": "(self.operator == 'In' || self.operator == 'NotIn') == has(self.values)",
                        "message": "values must be set for In and NotIn, and must not be set for Exists and DoesNotExist",
                        "reason": "FieldValueInvalid",
                        "fieldPath": ".values"
                      }
                    ],
                    "properties": {
                      "key": {
                        "description": "Label key.",
                        "type": "string",
                        "minLength": 1,
                        "maxLength": 317
                      },
                      "operator": {
                        "description": "How the label's value is compared with `values`.",
                        "type": "string",
                        "enum": [
                          "In",
                          "NotIn",
                          "Exists",
                          "DoesNotExist"
                        ]
                      },
                      "values": {
                        "description": "Values for In and NotIn; absent for Exists and DoesNotExist.",
                        "type": "array",
                        "minItems": 1,
                        "maxItems": 64,
                        "x-kubernetes-list-type": "atomic",
                        "items": {
                          "description": "One value.",
                          "type": "string",
                          "maxLength": 63
                        }
                      }
                    }
                  }
                }
              }
            },
            "suspend": {
              "description": "Offers nothing new while true. Absent means false.",
              "type": "boolean"
            }
          }
        },
        "status": {
          "description": "What the offer matches. Written by the controller only.",
          "type": "object",
          "properties": {
            "observedGeneration": {
              "description": "The metadata.generation that this status was last settled for.",
              "type": "integer",
              "format": "int64",
              "minimum": 0
            },
            "lastHandledReconcileAt": {
              "description": "The value of the annotation sallyport.dev/reconcile-requested-at that was last acted on.",
              "type": "string",
              "maxLength": 256
            },
            "conditions": {
              "description": "What is true of the object now, one entry per type (Kubernetes API conventions, typical status properties).",
              "type": "array",
              "maxItems": 16,
              "x-kubernetes-list-type": "map",
              "x-kubernetes-list-map-keys": [
                "type"
              ],
              "items": {
                "description": "One observation about the object.",
                "type": "object",
                "required": [
                  "type",
                  "status",
                  "lastTransitionTime",
                  "reason",
                  "message"
                ],
                "properties": {
                  "type": {
                    "description": "CamelCase name of the condition, such as Ready or Active.",
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 316,
                    "pattern": "^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$"
                  },
                  "status": {
                    "description": "Whether the condition holds; Unknown when it could not be observed.",
                    "type": "string",
                    "enum": [
                      "True",
                      "False",
                      "Unknown"
                    ]
                  },
                  "observedGeneration": {
                    "description": "The metadata.generation that the condition was computed from.",
                    "type": "integer",
                    "format": "int64",
                    "minimum": 0
                  },
                  "lastTransitionTime": {
                    "description": "When `status` last changed. A change of reason or message alone does not move it.",
                    "type": "string",
                    "format": "date-time",
                    "maxLength": 29,
                    "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,3})?(Z|[+-][0-9]{2}:[0-9]{2})$"
                  },
                  "reason": {
                    "description": "CamelCase cause, stable and meant for programs.",
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 1024,
                    "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"
                  },
                  "message": {
                    "description": "What a person should know: what happened, why, and what to do. May be empty.",
                    "type": "string",
                    "maxLength": 32768
                  }
                }
              }
            },
            "matchedDatabases": {
              "description": "Databases that match.",
              "type": "integer",
              "format": "int32",
              "minimum": 0,
              "maximum": 100000
            },
            "activeGrants": {
              "description": "Grants that are live through it.",
              "type": "integer",
              "format": "int32",
              "minimum": 0,
              "maximum": 1000000
            }
          }
        }
      }
    }
  },
  "Database": {
    "kind": "Database",
    "plural": "databases",
    "singular": "database",
    "shortNames": [
      "adb"
    ],
    "schema": {
      "description": "One database that people can be given access to, and the roles it offers. No passwords are kept in it.",
      "type": "object",
      "required": [
        "spec"
      ],
      "properties": {
        "apiVersion": {
          "description": "Always sallyport.dev/v1alpha1.",
          "type": "string"
        },
        "kind": {
          "description": "Always Database.",
          "type": "string"
        },
        "metadata": {
          "type": "object",
          "properties": {
            "name": {
              "type": "string",
              "maxLength": 63
            }
          }
        },
        "spec": {
          "description": "Where the database is, how it is reached, and as whom. Exactly one of `rds` and `endpoint` is set.",
          "type": "object",
          "required": [
            "engine",
            "proxyRef",
            "databaseName",
            "roles"
          ],
          "x-kubernetes-validations": [
            {
              "rule": "has(self.rds) != has(self.endpoint)",
              "message": "exactly one of rds or endpoint must be set",
              "reason": "FieldValueInvalid"
            }
          ],
          "properties": {
            "engine": {
              "description": "Wire protocol and dialect. Immutable.",
              "type": "string",
              "enum": [
                "PostgreSQL",
                "MySQL",
                "MariaDB"
              ],
              "x-kubernetes-validations": [
                {
                  "rule": "self == oldSelf",
                  "message": "engine is immutable",
                  "reason": "FieldValueForbidden"
                }
              ]
            },
            "proxyRef": {
              "description": "The Proxy that reaches the database.",
              "type": "object",
              "required": [
                "name"
              ],
              "x-kubernetes-map-type": "atomic",
              "properties": {
                "name": {
                  "description": "Name of the Proxy, in the same namespace.",
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 63,
                  "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
                }
              }
            },
            "rds": {
              "description": "The database by its RDS name; the endpoint is looked up and followed. Exactly one member is set.",
              "type": "object",
              "x-kubernetes-validations": [
                {
                  "rule": "has(self.instanceIdentifier) != has(self.clusterIdentifier)",
                  "message": "exactly one of instanceIdentifier or clusterIdentifier must be set",
                  "reason": "FieldValueInvalid"
                }
              ],
              "properties": {
                "instanceIdentifier": {
                  "description": "DB instance identifier.",
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 63,
                  "pattern": "^[A-Za-z][A-Za-z0-9]*(-[A-Za-z0-9]+)*$"
                },
                "clusterIdentifier": {
                  "description": "Aurora or Multi-AZ cluster identifier; its writer endpoint is used.",
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 63,
                  "pattern": "^[A-Za-z][A-Za-z0-9]*(-[A-Za-z0-9]+)*$"
                }
              }
            },
            "endpoint": {
              "description": "The database by its address.",
              "type": "object",
              "required": [
                "host",
                "port"
              ],
              "properties": {
                "host": {
                  "description": "DNS name or IPv4 address.",
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 253,
                  "pattern": "^[A-Za-z0-9]([A-Za-z0-9.:-]*[A-Za-z0-9])?$"
                },
                "port": {
                  "description": "TCP port.",
                  "type": "integer",
                  "format": "int32",
                  "minimum": 1,
                  "maximum": 65535
                }
              }
            },
            "databaseName": {
              "description": "Database inside the server that people are connected to.",
              "type": "string",
              "minLength": 1,
              "maxLength": 64,
              "pattern": "^[\\p{L}\\p{M}\\p{S}\\p{N}\\p{P} ]+$"
            },
            "tls": {
              "description": "How the server's certificate is checked. TLS is always used.",
              "type": "object",
              "required": [
                "mode"
              ],
              "properties": {
                "mode": {
                  "description": "VerifyFull checks chain and host name, VerifyCA the chain alone. An absent `tls` means VerifyFull.",
                  "type": "string",
                  "enum": [
                    "VerifyFull",
                    "VerifyCA"
                  ]
                }
              }
            },
            "audit": {
              "description": "What recording of statements promises for this database.",
              "type": "object",
              "properties": {
                "durability": {
                  "description": "Where a record must be before its statement is forwarded: Written in the operating system, Synced on the device, Remote in the control plane. Absent means Written.",
                  "type": "string",
                  "enum": [
                    "Written",
                    "Synced",
                    "Remote"
                  ]
                },
                "onFull": {
                  "description": "When the spool cannot take a record: Deny the statement, or forward it and write a Gap record. Absent means Deny.",
                  "type": "string",
                  "enum": [
                    "Deny",
                    "Gap"
                  ]
                },
                "parameters": {
                  "description": "Whether the values of bound parameters are recorded. Absent means Record.",
                  "type": "string",
                  "enum": [
                    "Record",
                    "Omit"
                  ]
                },
                "viewers": {
                  "description": "Who may see what was done: Principal the person themselves, Reviewer whose review of the Grant counted, Auditor the members of the installation's auditor group. Administrators see nothing by being that. Absent means all three, an empty list nobody. Every look is recorded.",
                  "type": "array",
                  "maxItems": 3,
                  "x-kubernetes-list-type": "set",
                  "items": {
                    "description": "One kind of viewer.",
                    "type": "string",
                    "enum": [
                      "Principal",
                      "Reviewer",
                      "Auditor"
                    ]
                  }
                }
              }
            },
            "sharedUserHazards": {
              "description": "What becomes of statements that endanger others who share a database user: changing its password or name, settings that its next session inherits, ending or reading another session. All are marked in the audit trail and on the Grant, whatever is said here. Absent means Flag.",
              "type": "object",
              "required": [
                "policy"
              ],
              "properties": {
                "policy": {
                  "description": "Flag forwards such statements, Deny refuses them and keeps the session. Deny also refuses sessions that inherit a setting which `expectedSettings` does not name.",
                  "type": "string",
                  "enum": [
                    "Flag",
                    "Deny"
                  ]
                },
                "sessionReads": {
                  "description": "The same for statements that only read what other sessions run (`pg_stat_activity`, SHOW PROCESSLIST), which graphical clients do by themselves. Absent: as `policy`.",
                  "type": "string",
                  "enum": [
                    "Flag",
                    "Deny"
                  ]
                },
                "expectedSettings": {
                  "description": "Settings that administrators gave to the role or the database on purpose (ALTER ROLE … SET): `name` for any value, `name=value` for that one. PostgreSQL only. Absent means none.",
                  "type": "array",
                  "maxItems": 64,
                  "x-kubernetes-list-type": "set",
                  "items": {
                    "description": "One setting, with its value or without.",
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 256,
                    "pattern": "^[A-Za-z_][A-Za-z0-9_.$]*(=.*)?$"
                  }
                }
              }
            },
            "roles": {
              "description": "Database users that people can be given.",
              "type": "array",
              "minItems": 1,
              "maxItems": 32,
              "x-kubernetes-list-type": "map",
              "x-kubernetes-list-map-keys": [
                "name"
              ],
              "x-kubernetes-validations": [
                {
                  "rule": "self.all(r, !has(r.localPort) || self.exists_one(o, has(o.localPort) && o.localPort == r.localPort))",
                  "message": "localPort must be different for each role",
                  "reason": "FieldValueInvalid"
                }
              ],
              "items": {
                "description": "One role.",
                "type": "object",
                "required": [
                  "name",
                  "username",
                  "credentials"
                ],
                "properties": {
                  "name": {
                    "description": "Name that Grants and Availabilities use.",
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 63,
                    "pattern": "^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$"
                  },
                  "username": {
                    "description": "Database user that the proxy signs in as.",
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 63,
                    "pattern": "^[\\p{L}\\p{M}\\p{S}\\p{N}\\p{P} ]+$"
                  },
                  "credentials": {
                    "description": "How the proxy proves to be that user. Exactly one member is set.",
                    "type": "object",
                    "x-kubernetes-validations": [
                      {
                        "rule": "has(self.secretsManager) != has(self.iam)",
                        "message": "exactly one of secretsManager or iam must be set",
                        "reason": "FieldValueInvalid"
                      }
                    ],
                    "properties": {
                      "secretsManager": {
                        "description": "Password from AWS Secrets Manager.",
                        "type": "object",
                        "required": [
                          "secretARN"
                        ],
                        "properties": {
                          "secretARN": {
                            "description": "The secret: JSON with `password`, as RDS writes it.",
                            "type": "string",
                            "minLength": 20,
                            "maxLength": 1024,
                            "pattern": "^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+$"
                          }
                        }
                      },
                      "iam": {
                        "description": "IAM database authentication with the proxy's task role, which needs rds-db:connect for this user; it has no fields. The endpoint must be RDS's own name, since a token is signed for it.",
                        "type": "object",
                        "properties": {}
                      }
                    }
                  },
                  "endpoint": {
                    "description": "Another address for this role, a reader endpoint for instance. Absent: the database's own.",
                    "type": "object",
                    "required": [
                      "host",
                      "port"
                    ],
                    "properties": {
                      "host": {
                        "description": "DNS name or IPv4 address.",
                        "type": "string",
                        "minLength": 1,
                        "maxLength": 253,
                        "pattern": "^[A-Za-z0-9]([A-Za-z0-9.:-]*[A-Za-z0-9])?$"
                      },
                      "port": {
                        "description": "TCP port.",
                        "type": "integer",
                        "format": "int32",
                        "minimum": 1,
                        "maximum": 65535
                      }
                    }
                  },
                  "localPort": {
                    "description": "Port suggested on the person's computer, so that connection strings stay the same. Absent: the command line chooses.",
                    "type": "integer",
                    "format": "int32",
                    "minimum": 1024,
                    "maximum": 65535
                  }
                }
              }
            }
          }
        },
        "status": {
          "description": "What was found. Written by the controller only.",
          "type": "object",
          "properties": {
            "observedGeneration": {
              "description": "The metadata.generation that this status was last settled for.",
              "type": "integer",
              "format": "int64",
              "minimum": 0
            },
            "lastHandledReconcileAt": {
              "description": "The value of the annotation sallyport.dev/reconcile-requested-at that was last acted on.",
              "type": "string",
              "maxLength": 256
            },
            "conditions": {
              "description": "What is true of the object now, one entry per type (Kubernetes API conventions, typical status properties).",
              "type": "array",
              "maxItems": 16,
              "x-kubernetes-list-type": "map",
              "x-kubernetes-list-map-keys": [
                "type"
              ],
              "items": {
                "description": "One observation about the object.",
                "type": "object",
                "required": [
                  "type",
                  "status",
                  "lastTransitionTime",
                  "reason",
                  "message"
                ],
                "properties": {
                  "type": {
                    "description": "CamelCase name of the condition, such as Ready or Active.",
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 316,
                    "pattern": "^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$"
                  },
                  "status": {
                    "description": "Whether the condition holds; Unknown when it could not be observed.",
                    "type": "string",
                    "enum": [
                      "True",
                      "False",
                      "Unknown"
                    ]
                  },
                  "observedGeneration": {
                    "description": "The metadata.generation that the condition was computed from.",
                    "type": "integer",
                    "format": "int64",
                    "minimum": 0
                  },
                  "lastTransitionTime": {
                    "description": "When `status` last changed. A change of reason or message alone does not move it.",
                    "type": "string",
                    "format": "date-time",
                    "maxLength": 29,
                    "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,3})?(Z|[+-][0-9]{2}:[0-9]{2})$"
                  },
                  "reason": {
                    "description": "CamelCase cause, stable and meant for programs.",
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 1024,
                    "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"
                  },
                  "message": {
                    "description": "What a person should know: what happened, why, and what to do. May be empty.",
                    "type": "string",
                    "maxLength": 32768
                  }
                }
              }
            },
            "endpoint": {
              "description": "The resolved address.",
              "type": "object",
              "required": [
                "host",
                "port"
              ],
              "properties": {
                "host": {
                  "description": "DNS name or IPv4 address.",
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 253,
                  "pattern": "^[A-Za-z0-9]([A-Za-z0-9.:-]*[A-Za-z0-9])?$"
                },
                "port": {
                  "description": "TCP port.",
                  "type": "integer",
                  "format": "int32",
                  "minimum": 1,
                  "maximum": 65535
                }
              }
            },
            "engineVersion": {
              "description": "Version that the server reports.",
              "type": "string",
              "maxLength": 256
            }
          }
        }
      }
    }
  },
  "Grant": {
    "kind": "Grant",
    "plural": "grants",
    "singular": "grant",
    "shortNames": [
      "grt"
    ],
    "schema": {
      "description": "One person's time-limited access to one role on one database. The spec is the request, the status is the record of what was done about it.",
      "type": "object",
      "required": [
        "spec"
      ],
      "properties": {
        "apiVersion": {
          "description": "Always sallyport.dev/v1alpha1.",
          "type": "string"
        },
        "kind": {
          "description": "Always Grant.",
          "type": "string"
        },
        "metadata": {
          "type": "object",
          "properties": {
            "name": {
              "type": "string",
              "maxLength": 63
            }
          }
        },
        "spec": {
          "description": "Who asks for what, for how long, and why. Sallyport never writes it.",
          "type": "object",
          "required": [
            "principal",
            "databaseRef",
            "roleName",
            "durationSeconds",
            "notAfterTime"
          ],
          "x-kubernetes-validations": [
            {
              "rule": "has(self.availabilityRef) == has(oldSelf.availabilityRef) && (!has(self.availabilityRef) || self.availabilityRef == oldSelf.availabilityRef)",
              "message": "availabilityRef is immutable: it may not be added, changed or removed",
              "reason": "FieldValueForbidden",
              "fieldPath": ".availabilityRef"
            },
            {
              "rule": "has(self.requester) == has(oldSelf.requester) && (!has(self.requester) || self.requester == oldSelf.requester)",
              "message": "requester is immutable: it may not be added, changed or removed",
              "reason": "FieldValueForbidden",
              "fieldPath": ".requester"
            },
            {
              "rule": "has(self.urgency) == has(oldSelf.urgency) && (!has(self.urgency) || self.urgency == oldSelf.urgency)",
              "message": "urgency is immutable: it may not be added, changed or removed",
              "reason": "FieldValueForbidden",
              "fieldPath": ".urgency"
            },
            {
              "rule": "!has(oldSelf.revocation) || (has(self.revocation) && self.revocation == oldSelf.revocation)",
              "message": "revocation may not be changed or removed once set",
              "reason": "FieldValueForbidden",
              "fieldPath": ".revocation"
            },
            {
              "rule": "(has(self.extensionCount) ? self.extensionCount : 0) >= (has(oldSelf.extensionCount) ? oldSelf.extensionCount : 0)",
              "message": "extensionCount may not be lowered or removed",
              "reason": "FieldValueForbidden",
              "fieldPath": ".extensionCount"
            },
            {
              "rule": "(has(self.extensionCount) ? self.extensionCount : 0) <= (has(oldSelf.extensionCount) ? oldSelf.extensionCount : 0) + 1",
              "message": "extensionCount may only be raised by 1 at a time",
              "reason": "FieldValueForbidden",
              "fieldPath": ".extensionCount"
            },
            {
              "rule": "!has(oldSelf.startTime) || (has(self.startTime) && self.startTime >= oldSelf.startTime)",
              "message": "startTime may only move later, and may not be removed",
              "reason": "FieldValueForbidden",
              "fieldPath": ".startTime"
            },
            {
              "rule": "!has(self.startTime) || self.startTime < self.notAfterTime",
              "message": "startTime must be earlier than notAfterTime",
              "reason": "FieldValueInvalid",
              "fieldPath": ".startTime"
            },
            {
              "rule": "!has(self.urgency) || self.urgency != 'BreakGlass' || (has(self.reason) && self.reason.size() > 0)",
              "message": "reason must be given when urgency is BreakGlass",
              "reason": "FieldValueRequired",
              "fieldPath": ".reason"
            }
          ],
          "properties": {
            "principal": {
              "description": "The person who gets access. Immutable.",
              "type": "object",
              "required": [
                "name"
              ],
              "x-kubernetes-validations": [
                {
                  "rule": "self == oldSelf",
                  "message": "principal is immutable",
                  "reason": "FieldValueForbidden"
                }
              ],
              "properties": {
                "name": {
                  "description": "User name in the Identity Store of IAM Identity Center.",
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 128,
                  "pattern": "^[\\p{L}\\p{M}\\p{S}\\p{N}\\p{P}]+$"
                }
              }
            },
            "databaseRef": {
              "description": "The Database. Immutable.",
              "type": "object",
              "required": [
                "name"
              ],
              "x-kubernetes-map-type": "atomic",
              "x-kubernetes-validations": [
                {
                  "rule": "self == oldSelf",
                  "message": "databaseRef is immutable",
                  "reason": "FieldValueForbidden"
                }
              ],
              "properties": {
                "name": {
                  "description": "Name of the Database, in the same namespace.",
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 63,
                  "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
                }
              }
            },
            "roleName": {
              "description": "Name of one entry of the Database's `roles`. Immutable.",
              "type": "string",
              "minLength": 1,
              "maxLength": 63,
              "pattern": "^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$",
              "x-kubernetes-validations": [
                {
                  "rule": "self == oldSelf",
                  "message": "roleName is immutable",
                  "reason": "FieldValueForbidden"
                }
              ]
            },
            "availabilityRef": {
              "description": "The Availability that allows this Grant. Absent: of those that match, the one whose workflow has the highest priority. Immutable.",
              "type": "object",
              "required": [
                "name"
              ],
              "x-kubernetes-map-type": "atomic",
              "properties": {
                "name": {
                  "description": "Name of the Availability, in the same namespace.",
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 63,
                  "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
                }
              }
            },
            "durationSeconds": {
              "description": "Requested length of access, in seconds from activation (60 seconds to 7 days). May only be lowered; `extensionCount` lengthens.",
              "type": "integer",
              "format": "int32",
              "minimum": 60,
              "maximum": 604800,
              "x-kubernetes-validations": [
                {
                  "rule": "self <= oldSelf",
                  "message": "durationSeconds may not be increased; raise extensionCount instead",
                  "reason": "FieldValueForbidden"
                }
              ]
            },
            "extensionCount": {
              "description": "How often the access was extended. Absent means 0. May rise by 1 at a time and never falls; the workflow's `extension` says how often and for how long.",
              "type": "integer",
              "format": "int32",
              "minimum": 0,
              "maximum": 100
            },
            "startTime": {
              "description": "Not before this instant (RFC 3339). Absent: as soon as approved. It is approved first and waits then. May be added, and only move later: reviewers have seen the earlier one.",
              "type": "string",
              "format": "date-time",
              "maxLength": 29,
              "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,3})?(Z|[+-][0-9]{2}:[0-9]{2})$"
            },
            "notAfterTime": {
              "description": "The Grant can never outlive this instant (RFC 3339), extensions included. May only move earlier. Applying the same object after it has ended gives no new access before this instant.",
              "type": "string",
              "format": "date-time",
              "maxLength": 29,
              "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,3})?(Z|[+-][0-9]{2}:[0-9]{2})$",
              "x-kubernetes-validations": [
                {
                  "rule": "self > timestamp('1970-01-01T00:00:00Z')",
                  "message": "notAfterTime must be an instant after 1970",
                  "reason": "FieldValueInvalid"
                },
                {
                  "rule": "self <= oldSelf",
                  "message": "notAfterTime may only move earlier",
                  "reason": "FieldValueForbidden"
                }
              ]
            },
            "reason": {
              "description": "Why the access is needed, a ticket for instance. Checked against the workflow's `reasonPolicy`.",
              "type": "string",
              "maxLength": 2048
            },
            "requester": {
              "description": "Who asked: written by the control API, or by whoever creates the Grant, whom the admission policy then holds to their own name. Absent: the pipeline that brought it. Immutable.",
              "type": "object",
              "required": [
                "username"
              ],
              "properties": {
                "username": {
                  "description": "User name of the requester.",
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 256,
                  "pattern": "^[\\p{L}\\p{M}\\p{S}\\p{N}\\p{P} ]+$"
                }
              }
            },
            "urgency": {
              "description": "BreakGlass asks for access without waiting for approval, where the workflow's `breakGlass` allows it. Absent means Normal. Immutable.",
              "type": "string",
              "enum": [
                "Normal",
                "BreakGlass"
              ]
            },
            "revocation": {
              "description": "Ends the access early and keeps the record. Write-once: it may not be changed or removed.",
              "type": "object",
              "required": [
                "reason"
              ],
              "properties": {
                "reason": {
                  "description": "Why the access was taken away.",
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 1024
                }
              }
            },
            "suspend": {
              "description": "Holds provisioning while true. Revocation and expiry are never held. Absent means false.",
              "type": "boolean"
            },
            "ttlSecondsAfterFinished": {
              "description": "Seconds after the end until the object may be deleted. Absent: never. Ignored on objects that a GitOps tool tracks.",
              "type": "integer",
              "format": "int32",
              "minimum": 0,
              "maximum": 31536000
            }
          }
        },
        "status": {
          "description": "What was approved, given and taken away. Written by the controller only.",
          "type": "object",
          "properties": {
            "observedGeneration": {
              "description": "The metadata.generation that this status was last settled for.",
              "type": "integer",
              "format": "int64",
              "minimum": 0
            },
            "lastHandledReconcileAt": {
              "description": "The value of the annotation sallyport.dev/reconcile-requested-at that was last acted on.",
              "type": "string",
              "maxLength": 256
            },
            "conditions": {
              "description": "What is true of the object now, one entry per type (Kubernetes API conventions, typical status properties).",
              "type": "array",
              "maxItems": 16,
              "x-kubernetes-list-type": "map",
              "x-kubernetes-list-map-keys": [
                "type"
              ],
              "items": {
                "description": "One observation about the object.",
                "type": "object",
                "required": [
                  "type",
                  "status",
                  "lastTransitionTime",
                  "reason",
                  "message"
                ],
                "properties": {
                  "type": {
                    "description": "CamelCase name of the condition, such as Ready or Active.",
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 316,
                    "pattern": "^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$"
                  },
                  "status": {
                    "description": "Whether the condition holds; Unknown when it could not be observed.",
                    "type": "string",
                    "enum": [
                      "True",
                      "False",
                      "Unknown"
                    ]
                  },
                  "observedGeneration": {
                    "description": "The metadata.generation that the condition was computed from.",
                    "type": "integer",
                    "format": "int64",
                    "minimum": 0
                  },
                  "lastTransitionTime": {
                    "description": "When `status` last changed. A change of reason or message alone does not move it.",
                    "type": "string",
                    "format": "date-time",
                    "maxLength": 29,
                    "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,3})?(Z|[+-][0-9]{2}:[0-9]{2})$"
                  },
                  "reason": {
                    "description": "CamelCase cause, stable and meant for programs.",
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 1024,
                    "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"
                  },
                  "message": {
                    "description": "What a person should know: what happened, why, and what to do. May be empty.",
                    "type": "string",
                    "maxLength": 32768
                  }
                }
              }
            },
            "grantID": {
              "description": "`g` followed by the lower-case base32 of the object's uid; the name of the permission set and of the AWS role.",
              "type": "string",
              "minLength": 1,
              "maxLength": 32,
              "pattern": "^g[a-z2-7]{26}$"
            },
            "requestTime": {
              "description": "When the controller first saw the Grant.",
              "type": "string",
              "format": "date-time",
              "maxLength": 29,
              "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,3})?(Z|[+-][0-9]{2}:[0-9]{2})$"
            },
            "approvalTime": {
              "description": "When the last needed approval arrived, or when the workflow approved by itself.",
              "type": "string",
              "format": "date-time",
              "maxLength": 29,
              "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,3})?(Z|[+-][0-9]{2}:[0-9]{2})$"
            },
            "approvalKind": {
              "description": "How it was approved. Automatic: the workflow asks for no review. BreakGlass: the steps were skipped by right.",
              "type": "string",
              "enum": [
                "Automatic",
                "Reviewed",
                "BreakGlass"
              ]
            },
            "activationTime": {
              "description": "When access was first usable; the window is counted from here.",
              "type": "string",
              "format": "date-time",
              "maxLength": 29,
              "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,3})?(Z|[+-][0-9]{2}:[0-9]{2})$"
            },
            "expiryTime": {
              "description": "The end of the window: the earlier of activation plus duration (extensions included) and notAfterTime. Computed once per extension.",
              "type": "string",
              "format": "date-time",
              "maxLength": 29,
              "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,3})?(Z|[+-][0-9]{2}:[0-9]{2})$"
            },
            "extensionCount": {
              "description": "Extensions that were allowed and are part of the window. Absent means 0.",
              "type": "integer",
              "format": "int32",
              "minimum": 0,
              "maximum": 100
            },
            "endTime": {
              "description": "When access ended for good. An ended Grant never becomes live again.",
              "type": "string",
              "format": "date-time",
              "maxLength": 29,
              "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,3})?(Z|[+-][0-9]{2}:[0-9]{2})$"
            },
            "deprovisionTime": {
              "description": "When everything given in AWS was confirmed to be taken away.",
              "type": "string",
              "format": "date-time",
              "maxLength": 29,
              "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,3})?(Z|[+-][0-9]{2}:[0-9]{2})$"
            },
            "availability": {
              "description": "The Availability that was used.",
              "type": "object",
              "required": [
                "name"
              ],
              "x-kubernetes-map-type": "atomic",
              "properties": {
                "name": {
                  "description": "Name of the Availability, in the same namespace.",
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 63,
                  "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
                },
                "subjects": {
                  "description": "Its subjects by which the person was entitled at approval, at most 4. Whoever is none of them any more, and none of those that it names now, loses the access.",
                  "type": "array",
                  "maxItems": 4,
                  "x-kubernetes-list-type": "atomic",
                  "items": {
                    "description": "One user or group.",
                    "type": "object",
                    "required": [
                      "kind",
                      "name"
                    ],
                    "properties": {
                      "kind": {
                        "description": "User and Group are those of the Identity Store.",
                        "type": "string",
                        "enum": [
                          "User",
                          "Group"
                        ]
                      },
                      "name": {
                        "description": "User name, or display name of the group.",
                        "type": "string",
                        "minLength": 1,
                        "maxLength": 256
                      }
                    }
                  }
                }
              }
            },
            "workflow": {
              "description": "The workflow as it was when the Grant was approved; later edits do not lengthen live access.",
              "type": "object",
              "required": [
                "name",
                "generation",
                "maxDurationSeconds"
              ],
              "properties": {
                "name": {
                  "description": "Name of the AccessWorkflow.",
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 63,
                  "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
                },
                "generation": {
                  "description": "Its metadata.generation at approval.",
                  "type": "integer",
                  "format": "int64",
                  "minimum": 0
                },
                "digest": {
                  "description": "Digest of its spec at approval; another spec ends the Grant. Absent means that the generation is compared.",
                  "type": "string",
                  "minLength": 71,
                  "maxLength": 71,
                  "pattern": "^sha256:[0-9a-f]{64}$"
                },
                "maxDurationSeconds": {
                  "description": "Its maximum, in seconds.",
                  "type": "integer",
                  "format": "int32",
                  "minimum": 60,
                  "maximum": 604800
                },
                "extension": {
                  "description": "Its extension rule at approval. Absent means that the access cannot be extended.",
                  "type": "object",
                  "required": [
                    "maxCount",
                    "durationSeconds"
                  ],
                  "properties": {
                    "maxCount": {
                      "description": "How often.",
                      "type": "integer",
                      "format": "int32",
                      "minimum": 0,
                      "maximum": 100
                    },
                    "durationSeconds": {
                      "description": "Length of each extension, in seconds.",
                      "type": "integer",
                      "format": "int32",
                      "minimum": 60,
                      "maximum": 604800
                    },
                    "afterPercent": {
                      "description": "Share of the current period, in percent, that must be over before an extension counts. Absent: none.",
                      "type": "integer",
                      "format": "int32",
                      "minimum": 1,
                      "maximum": 99
                    }
                  }
                },
                "breakGlassSubjects": {
                  "description": "Its break-glass subjects that the person was one of at approval, at most 4. Absent where no step was skipped.",
                  "type": "array",
                  "maxItems": 4,
                  "x-kubernetes-list-type": "atomic",
                  "items": {
                    "description": "One user or group.",
                    "type": "object",
                    "required": [
                      "kind",
                      "name"
                    ],
                    "properties": {
                      "kind": {
                        "description": "User and Group are those of the Identity Store.",
                        "type": "string",
                        "enum": [
                          "User",
                          "Group"
                        ]
                      },
                      "name": {
                        "description": "User name, or display name of the group.",
                        "type": "string",
                        "minLength": 1,
                        "maxLength": 256
                      }
                    }
                  }
                }
              }
            },
            "principal": {
              "description": "The person, resolved once.",
              "type": "object",
              "required": [
                "userID",
                "userName"
              ],
              "properties": {
                "userID": {
                  "description": "Identity Store user ID.",
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 64
                },
                "userName": {
                  "description": "User name at that moment.",
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 128,
                  "pattern": "^[\\p{L}\\p{M}\\p{S}\\p{N}\\p{P}]+$"
                }
              }
            },
            "target": {
              "description": "What was approved. Changing any of it in the Database ends the Grant.",
              "type": "object",
              "required": [
                "engine",
                "host",
                "port",
                "databaseName",
                "username",
                "roleName",
                "proxy",
                "tlsMode"
              ],
              "properties": {
                "engine": {
                  "description": "Database engine.",
                  "type": "string",
                  "enum": [
                    "PostgreSQL",
                    "MySQL",
                    "MariaDB"
                  ]
                },
                "host": {
                  "description": "Resolved host of the database.",
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 253,
                  "pattern": "^[A-Za-z0-9]([A-Za-z0-9.:-]*[A-Za-z0-9])?$"
                },
                "port": {
                  "description": "Resolved port of the database.",
                  "type": "integer",
                  "format": "int32",
                  "minimum": 1,
                  "maximum": 65535
                },
                "databaseName": {
                  "description": "Database inside the server.",
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 64
                },
                "username": {
                  "description": "Database user that the proxy signs in as.",
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 63
                },
                "roleName": {
                  "description": "Role of the Database that was granted.",
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 63,
                  "pattern": "^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$"
                },
                "secretARN": {
                  "description": "Secrets Manager secret with the password. Absent: IAM database authentication.",
                  "type": "string",
                  "minLength": 20,
                  "maxLength": 1024,
                  "pattern": "^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+$"
                },
                "proxy": {
                  "description": "Name of the Proxy.",
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 63,
                  "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
                },
                "tlsMode": {
                  "description": "How the server's certificate is checked.",
                  "type": "string",
                  "enum": [
                    "VerifyFull",
                    "VerifyCA"
                  ]
                },
                "localPort": {
                  "description": "Port suggested to the person's computer.",
                  "type": "integer",
                  "format": "int32",
                  "minimum": 1024,
                  "maximum": 65535
                }
              }
            },
            "external": {
              "description": "Everything that taking the access away needs; written before access is given.",
              "type": "object",
              "required": [
                "instanceARN",
                "identityStoreID",
                "region",
                "accountID",
                "principalID"
              ],
              "properties": {
                "instanceARN": {
                  "description": "IAM Identity Center instance.",
                  "type": "string",
                  "minLength": 20,
                  "maxLength": 1024,
                  "pattern": "^arn:aws[a-z-]*:sso:::instance/(sso)?ins-[A-Za-z0-9.-]{16}$"
                },
                "identityStoreID": {
                  "description": "Its Identity Store.",
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 64,
                  "pattern": "^(d-[0-9a-f]{10}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$"
                },
                "region": {
                  "description": "Region of the instance.",
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 32,
                  "pattern": "^[a-z]{2,4}(-[a-z]+)+-[0-9]$"
                },
                "accountID": {
                  "description": "AWS account of the assignment.",
                  "type": "string",
                  "minLength": 12,
                  "maxLength": 12,
                  "pattern": "^[0-9]{12}$"
                },
                "taskRegion": {
                  "description": "Region of the proxy's tasks, where sessions are ended. Absent means the region of the instance.",
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 32,
                  "pattern": "^[a-z]{2,4}(-[a-z]+)+-[0-9]$"
                },
                "assumeRoleARN": {
                  "description": "Role that the controller takes in that account. Absent means its own credentials.",
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 1024
                },
                "externalID": {
                  "description": "External ID with which it takes the role. Absent: the installation's own.",
                  "type": "string",
                  "minLength": 2,
                  "maxLength": 1224
                },
                "permissionSetARN": {
                  "description": "The Grant's own permission set.",
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 1024
                },
                "principalID": {
                  "description": "Identity Store user ID of the assignment.",
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 64
                },
                "roleID": {
                  "description": "RoleId (AROA…) of the provisioned role.",
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 128
                },
                "roleName": {
                  "description": "Name of the provisioned role.",
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 64
                },
                "operation": {
                  "description": "The asynchronous operation in flight.",
                  "type": "object",
                  "required": [
                    "kind",
                    "requestID",
                    "startTime"
                  ],
                  "properties": {
                    "kind": {
                      "description": "What was asked of AWS.",
                      "type": "string",
                      "enum": [
                        "CreateAssignment",
                        "DeleteAssignment",
                        "Provision"
                      ]
                    },
                    "requestID": {
                      "description": "AWS's identifier of the operation.",
                      "type": "string",
                      "minLength": 1,
                      "maxLength": 128
                    },
                    "startTime": {
                      "description": "When it was asked.",
                      "type": "string",
                      "format": "date-time",
                      "maxLength": 29,
                      "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,3})?(Z|[+-][0-9]{2}:[0-9]{2})$"
                    }
                  }
                }
              }
            },
            "endRequest": {
              "description": "A revocation asked for through the control API; the spec is never written.",
              "type": "object",
              "required": [
                "reason",
                "by",
                "time"
              ],
              "properties": {
                "reason": {
                  "description": "Why.",
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 1024
                },
                "by": {
                  "description": "Who asked.",
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 256
                },
                "time": {
                  "description": "When.",
                  "type": "string",
                  "format": "date-time",
                  "maxLength": 29,
                  "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,3})?(Z|[+-][0-9]{2}:[0-9]{2})$"
                }
              }
            },
            "extendRequest": {
              "description": "An extension asked for through the control API; the spec is never written.",
              "type": "object",
              "required": [
                "count",
                "by",
                "time"
              ],
              "properties": {
                "count": {
                  "description": "Extensions that the window shall have in all, as spec.extensionCount; the greater of the two counts.",
                  "type": "integer",
                  "format": "int32",
                  "minimum": 1,
                  "maximum": 100
                },
                "by": {
                  "description": "Who asked.",
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 256
                },
                "time": {
                  "description": "When.",
                  "type": "string",
                  "format": "date-time",
                  "maxLength": 29,
                  "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,3})?(Z|[+-][0-9]{2}:[0-9]{2})$"
                }
              }
            },
            "review": {
              "description": "What reviewers decide on, once the Grant waits for them.",
              "type": "object",
              "required": [
                "digest",
                "workflow"
              ],
              "properties": {
                "digest": {
                  "description": "What a GrantReview must state as its grantDigest. It covers the Grant's uid, what can never change of its spec, its reason, the workflow's rules, and the database, user and secret that would be reached: where any of these changes, it is another one, and approvals of the earlier one count no more.",
                  "type": "string",
                  "minLength": 71,
                  "maxLength": 71,
                  "pattern": "^sha256:[0-9a-f]{64}$"
                },
                "workflow": {
                  "description": "Name of the AccessWorkflow whose steps must be approved.",
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 63,
                  "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
                },
                "deadlineTime": {
                  "description": "Until when it must be approved. Absent: until the Grant's notAfterTime.",
                  "type": "string",
                  "format": "date-time",
                  "maxLength": 29,
                  "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,3})?(Z|[+-][0-9]{2}:[0-9]{2})$"
                }
              }
            },
            "end": {
              "description": "Why and when the access ended.",
              "type": "object",
              "required": [
                "reason",
                "message",
                "time"
              ],
              "properties": {
                "reason": {
                  "description": "CamelCase cause: Expired, Revoked, Deleted, TargetChanged, PrincipalGone and so on.",
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 128,
                  "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"
                },
                "message": {
                  "description": "The cause in words, shown to the person.",
                  "type": "string",
                  "maxLength": 4096
                },
                "time": {
                  "description": "When.",
                  "type": "string",
                  "format": "date-time",
                  "maxLength": 29,
                  "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,3})?(Z|[+-][0-9]{2}:[0-9]{2})$"
                }
              }
            },
            "approvals": {
              "description": "The reviews that counted, in the order they were taken up. Nothing is ever removed, also where a GrantReview is deleted.",
              "type": "array",
              "maxItems": 128,
              "x-kubernetes-list-type": "atomic",
              "items": {
                "description": "One counted review.",
                "type": "object",
                "required": [
                  "step",
                  "reviewer",
                  "decision",
                  "time"
                ],
                "properties": {
                  "step": {
                    "description": "Approval step it counted for.",
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 63
                  },
                  "reviewer": {
                    "description": "Who decided.",
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 256
                  },
                  "reviewerID": {
                    "description": "Identity Store user ID of the person who decided. Names change and are given to others; this stays. Absent for a pipeline.",
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 64
                  },
                  "reviewerKind": {
                    "description": "Whether that is a person or a pipeline. Absent means User.",
                    "type": "string",
                    "enum": [
                      "User",
                      "Pipeline"
                    ]
                  },
                  "digest": {
                    "description": "What was decided on (`review.digest` of that moment). An approval counts while this is the current one.",
                    "type": "string",
                    "minLength": 71,
                    "maxLength": 71,
                    "pattern": "^sha256:[0-9a-f]{64}$"
                  },
                  "decision": {
                    "description": "What was decided.",
                    "type": "string",
                    "enum": [
                      "Approve",
                      "Deny"
                    ]
                  },
                  "time": {
                    "description": "When it was counted.",
                    "type": "string",
                    "format": "date-time",
                    "maxLength": 29,
                    "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,3})?(Z|[+-][0-9]{2}:[0-9]{2})$"
                  },
                  "review": {
                    "description": "Name of the GrantReview.",
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 63
                  },
                  "comment": {
                    "description": "The reviewer's words.",
                    "type": "string",
                    "maxLength": 2048
                  }
                }
              }
            }
          }
        }
      }
    }
  },
  "GrantReview": {
    "kind": "GrantReview",
    "plural": "grantreviews",
    "singular": "grantreview",
    "shortNames": [
      "grv"
    ],
    "schema": {
      "description": "One reviewer's decision on one Grant. It pins a digest of what it approves, so it cannot approve a changed or re-created Grant.",
      "type": "object",
      "required": [
        "spec"
      ],
      "properties": {
        "apiVersion": {
          "description": "Always sallyport.dev/v1alpha1.",
          "type": "string"
        },
        "kind": {
          "description": "Always GrantReview.",
          "type": "string"
        },
        "metadata": {
          "type": "object",
          "properties": {
            "name": {
              "type": "string",
              "maxLength": 63
            }
          }
        },
        "spec": {
          "description": "The decision. Immutable as a whole.",
          "type": "object",
          "required": [
            "grantRef",
            "grantDigest",
            "decision"
          ],
          "x-kubernetes-validations": [
            {
              "rule": "self == oldSelf",
              "message": "spec is immutable",
              "reason": "FieldValueForbidden"
            }
          ],
          "properties": {
            "grantRef": {
              "description": "The Grant that is decided on.",
              "type": "object",
              "required": [
                "name"
              ],
              "x-kubernetes-map-type": "atomic",
              "properties": {
                "name": {
                  "description": "Name of the Grant, in the same namespace.",
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 63,
                  "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
                }
              }
            },
            "grantDigest": {
              "description": "What is decided on, as the Grant's status.review.digest, the review page and the command line show it.",
              "type": "string",
              "minLength": 71,
              "maxLength": 71,
              "pattern": "^sha256:[0-9a-f]{64}$"
            },
            "decision": {
              "description": "Deny is final; Approve counts towards the step. Deleting the GrantReview undoes neither.",
              "type": "string",
              "enum": [
                "Approve",
                "Deny"
              ]
            },
            "step": {
              "description": "Approval step that the decision is for. Absent: the step that is waiting.",
              "type": "string",
              "minLength": 1,
              "maxLength": 63,
              "pattern": "^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$"
            },
            "reviewer": {
              "description": "Who decides: written by the control API, or by whoever creates the review, whom the admission policy then holds to their own name. Absent in a file: the pipeline that brought it.",
              "type": "object",
              "required": [
                "username"
              ],
              "properties": {
                "kind": {
                  "description": "Pipeline is a CI identity, as AccessWorkflows name it. Absent means User, a person of the Identity Store.",
                  "type": "string",
                  "enum": [
                    "User",
                    "Pipeline"
                  ]
                },
                "username": {
                  "description": "User name of the person, or name of the pipeline.",
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 256,
                  "pattern": "^[\\p{L}\\p{M}\\p{S}\\p{N}\\p{P} ]+$"
                }
              }
            },
            "comment": {
              "description": "The reviewer's words, kept in the record.",
              "type": "string",
              "maxLength": 2048
            }
          }
        },
        "status": {
          "description": "Whether and how the review counted. Written by the controller only.",
          "type": "object",
          "properties": {
            "observedGeneration": {
              "description": "The metadata.generation that this status was last settled for.",
              "type": "integer",
              "format": "int64",
              "minimum": 0
            },
            "lastHandledReconcileAt": {
              "description": "The value of the annotation sallyport.dev/reconcile-requested-at that was last acted on.",
              "type": "string",
              "maxLength": 256
            },
            "conditions": {
              "description": "What is true of the object now, one entry per type (Kubernetes API conventions, typical status properties).",
              "type": "array",
              "maxItems": 16,
              "x-kubernetes-list-type": "map",
              "x-kubernetes-list-map-keys": [
                "type"
              ],
              "items": {
                "description": "One observation about the object.",
                "type": "object",
                "required": [
                  "type",
                  "status",
                  "lastTransitionTime",
                  "reason",
                  "message"
                ],
                "properties": {
                  "type": {
                    "description": "CamelCase name of the condition, such as Ready or Active.",
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 316,
                    "pattern": "^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$"
                  },
                  "status": {
                    "description": "Whether the condition holds; Unknown when it could not be observed.",
                    "type": "string",
                    "enum": [
                      "True",
                      "False",
                      "Unknown"
                    ]
                  },
                  "observedGeneration": {
                    "description": "The metadata.generation that the condition was computed from.",
                    "type": "integer",
                    "format": "int64",
                    "minimum": 0
                  },
                  "lastTransitionTime": {
                    "description": "When `status` last changed. A change of reason or message alone does not move it.",
                    "type": "string",
                    "format": "date-time",
                    "maxLength": 29,
                    "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,3})?(Z|[+-][0-9]{2}:[0-9]{2})$"
                  },
                  "reason": {
                    "description": "CamelCase cause, stable and meant for programs.",
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 1024,
                    "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"
                  },
                  "message": {
                    "description": "What a person should know: what happened, why, and what to do. May be empty.",
                    "type": "string",
                    "maxLength": 32768
                  }
                }
              }
            }
          }
        }
      }
    }
  },
  "Proxy": {
    "kind": "Proxy",
    "plural": "proxies",
    "singular": "proxy",
    "shortNames": [
      "apx"
    ],
    "schema": {
      "description": "One shared proxy: an Amazon ECS service in one account and region through which people reach databases. One ECS service belongs to one Proxy.",
      "type": "object",
      "required": [
        "spec"
      ],
      "properties": {
        "apiVersion": {
          "description": "Always sallyport.dev/v1alpha1.",
          "type": "string"
        },
        "kind": {
          "description": "Always Proxy.",
          "type": "string"
        },
        "metadata": {
          "type": "object",
          "properties": {
            "name": {
              "type": "string",
              "maxLength": 63
            }
          }
        },
        "spec": {
          "description": "Where the proxy runs and who signs in to it.",
          "type": "object",
          "required": [
            "ecs",
            "identityCenter"
          ],
          "x-kubernetes-validations": [
            {
              "rule": "has(self.service) || (has(self.managementPolicy) && self.managementPolicy == 'Observe')",
              "message": "service must be set unless managementPolicy is Observe",
              "reason": "FieldValueRequired",
              "fieldPath": ".service"
            }
          ],
          "properties": {
            "ecs": {
              "description": "The ECS service.",
              "type": "object",
              "required": [
                "accountID",
                "region",
                "clusterName",
                "serviceName",
                "taskDefinitionFamily",
                "containerName"
              ],
              "properties": {
                "accountID": {
                  "description": "AWS account. Immutable.",
                  "type": "string",
                  "minLength": 12,
                  "maxLength": 12,
                  "pattern": "^[0-9]{12}$",
                  "x-kubernetes-validations": [
                    {
                      "rule": "self == oldSelf",
                      "message": "accountID is immutable",
                      "reason": "FieldValueForbidden"
                    }
                  ]
                },
                "region": {
                  "description": "AWS region. Immutable.",
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 32,
                  "pattern": "^[a-z]{2,4}(-[a-z]+)+-[0-9]$",
                  "x-kubernetes-validations": [
                    {
                      "rule": "self == oldSelf",
                      "message": "region is immutable",
                      "reason": "FieldValueForbidden"
                    }
                  ]
                },
                "clusterName": {
                  "description": "ECS cluster. Immutable.",
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 255,
                  "pattern": "^[A-Za-z0-9_-]+$",
                  "x-kubernetes-validations": [
                    {
                      "rule": "self == oldSelf",
                      "message": "clusterName is immutable",
                      "reason": "FieldValueForbidden"
                    }
                  ]
                },
                "serviceName": {
                  "description": "ECS service. Immutable.",
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 255,
                  "pattern": "^[A-Za-z0-9_-]+$",
                  "x-kubernetes-validations": [
                    {
                      "rule": "self == oldSelf",
                      "message": "serviceName is immutable",
                      "reason": "FieldValueForbidden"
                    }
                  ]
                },
                "taskDefinitionFamily": {
                  "description": "Family of the task definitions.",
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 255,
                  "pattern": "^[A-Za-z0-9_-]+$"
                },
                "containerName": {
                  "description": "Container that runs the proxy.",
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 255,
                  "pattern": "^[A-Za-z0-9_-]+$"
                },
                "assumeRoleARN": {
                  "description": "Role to assume for calls to this account. Absent: the controller's own identity.",
                  "type": "string",
                  "minLength": 20,
                  "maxLength": 1024,
                  "pattern": "^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9/_+=,.@-]+$"
                },
                "externalID": {
                  "description": "External ID that the role's trust policy asks for; it has an effect with `assumeRoleARN` only. Absent: `sallyport:` and the installation's name.",
                  "type": "string",
                  "minLength": 2,
                  "maxLength": 1224,
                  "pattern": "^[A-Za-z0-9_+=,.@:/-]+$"
                }
              }
            },
            "service": {
              "description": "What the service should look like. Required unless managementPolicy is Observe.",
              "type": "object",
              "required": [
                "image",
                "cpu",
                "memoryMiB",
                "desiredCount",
                "subnetIDs",
                "securityGroupIDs",
                "taskRoleARN",
                "executionRoleARN"
              ],
              "x-kubernetes-validations": [
                {
                  "rule": "self.memoryMiB >= self.cpu * 2 && self.memoryMiB <= self.cpu * 8",
                  "message": "memoryMiB must be 2 to 8 times cpu, as Fargate requires",
                  "reason": "FieldValueInvalid",
                  "fieldPath": ".memoryMiB"
                }
              ],
              "properties": {
                "image": {
                  "description": "Container image.",
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 512,
                  "pattern": "^[A-Za-z0-9][A-Za-z0-9._/:@-]*$"
                },
                "cpu": {
                  "description": "CPU units of the task, a size that Fargate offers (1024 = one vCPU).",
                  "type": "integer",
                  "format": "int32",
                  "enum": [
                    256,
                    512,
                    1024,
                    2048,
                    4096,
                    8192,
                    16384
                  ]
                },
                "memoryMiB": {
                  "description": "Memory of the task in MiB, 2 to 8 times `cpu`.",
                  "type": "integer",
                  "format": "int32",
                  "minimum": 512,
                  "maximum": 122880
                },
                "desiredCount": {
                  "description": "Number of tasks.",
                  "type": "integer",
                  "format": "int32",
                  "minimum": 0,
                  "maximum": 100
                },
                "subnetIDs": {
                  "description": "Subnets of the tasks.",
                  "type": "array",
                  "minItems": 1,
                  "maxItems": 16,
                  "x-kubernetes-list-type": "set",
                  "items": {
                    "description": "Subnet ID.",
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 32,
                    "pattern": "^subnet-[0-9a-f]{8,17}$"
                  }
                },
                "securityGroupIDs": {
                  "description": "Security groups of the tasks.",
                  "type": "array",
                  "minItems": 1,
                  "maxItems": 5,
                  "x-kubernetes-list-type": "set",
                  "items": {
                    "description": "Security group ID.",
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 32,
                    "pattern": "^sg-[0-9a-f]{8,17}$"
                  }
                },
                "assignPublicIP": {
                  "description": "Whether tasks get a public address. Absent means Disabled.",
                  "type": "string",
                  "enum": [
                    "Enabled",
                    "Disabled"
                  ]
                },
                "taskRoleARN": {
                  "description": "Role that the proxy itself has: Secrets Manager, RDS connect, SSM.",
                  "type": "string",
                  "minLength": 20,
                  "maxLength": 1024,
                  "pattern": "^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9/_+=,.@-]+$"
                },
                "executionRoleARN": {
                  "description": "Role that ECS uses to start the task.",
                  "type": "string",
                  "minLength": 20,
                  "maxLength": 1024,
                  "pattern": "^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9/_+=,.@-]+$"
                },
                "environment": {
                  "description": "Additional environment variables of the container.",
                  "type": "array",
                  "maxItems": 64,
                  "x-kubernetes-list-type": "map",
                  "x-kubernetes-list-map-keys": [
                    "name"
                  ],
                  "items": {
                    "description": "One variable.",
                    "type": "object",
                    "required": [
                      "name",
                      "value"
                    ],
                    "properties": {
                      "name": {
                        "description": "Name.",
                        "type": "string",
                        "minLength": 1,
                        "maxLength": 256,
                        "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"
                      },
                      "value": {
                        "description": "Value; never a secret.",
                        "type": "string",
                        "maxLength": 4096
                      }
                    }
                  }
                },
                "logGroup": {
                  "description": "CloudWatch log group that the tasks' logs go to; it must exist, and the execution role may write to it. Absent: they are not kept.",
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 512,
                  "pattern": "^[A-Za-z0-9._/#-]+$"
                },
                "drainLimitSeconds": {
                  "description": "Seconds for which a task that is being replaced keeps the sessions it has. Absent means 172800, the two days for which ECS protects a task.",
                  "type": "integer",
                  "format": "int32",
                  "minimum": 0,
                  "maximum": 172800
                }
              }
            },
            "identityCenter": {
              "description": "The IAM Identity Center instance that gives people their access.",
              "type": "object",
              "required": [
                "instanceARN",
                "identityStoreID",
                "region"
              ],
              "properties": {
                "instanceARN": {
                  "description": "The instance.",
                  "type": "string",
                  "minLength": 20,
                  "maxLength": 1024,
                  "pattern": "^arn:aws[a-z-]*:sso:::instance/(sso)?ins-[A-Za-z0-9.-]{16}$"
                },
                "identityStoreID": {
                  "description": "Its Identity Store.",
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 64,
                  "pattern": "^(d-[0-9a-f]{10}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$"
                },
                "region": {
                  "description": "Region of the instance.",
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 32,
                  "pattern": "^[a-z]{2,4}(-[a-z]+)+-[0-9]$"
                }
              }
            },
            "port": {
              "description": "Port on the task's loopback address where the proxy listens. Absent means 9432.",
              "type": "integer",
              "format": "int32",
              "minimum": 1024,
              "maximum": 65535
            },
            "managementPolicy": {
              "description": "Manage creates and updates task definition and service; Observe changes nothing in ECS. Absent means Manage.",
              "type": "string",
              "enum": [
                "Manage",
                "Observe"
              ]
            },
            "driftPolicy": {
              "description": "Whether a difference found in ECS is corrected or only reported. Absent means Correct.",
              "type": "string",
              "enum": [
                "Correct",
                "Report"
              ]
            },
            "driftCheckPeriodSeconds": {
              "description": "Seconds between looks at ECS. Absent means 300.",
              "type": "integer",
              "format": "int32",
              "minimum": 30,
              "maximum": 86400
            },
            "deletionPolicy": {
              "description": "What deleting the Proxy does to the ECS service. Absent means Delete.",
              "type": "string",
              "enum": [
                "Delete",
                "Retain"
              ]
            },
            "suspend": {
              "description": "Changes nothing in ECS while true. Absent means false.",
              "type": "boolean"
            }
          }
        },
        "status": {
          "description": "What runs. Written by the controller only.",
          "type": "object",
          "properties": {
            "observedGeneration": {
              "description": "The metadata.generation that this status was last settled for.",
              "type": "integer",
              "format": "int64",
              "minimum": 0
            },
            "lastHandledReconcileAt": {
              "description": "The value of the annotation sallyport.dev/reconcile-requested-at that was last acted on.",
              "type": "string",
              "maxLength": 256
            },
            "conditions": {
              "description": "What is true of the object now, one entry per type (Kubernetes API conventions, typical status properties).",
              "type": "array",
              "maxItems": 16,
              "x-kubernetes-list-type": "map",
              "x-kubernetes-list-map-keys": [
                "type"
              ],
              "items": {
                "description": "One observation about the object.",
                "type": "object",
                "required": [
                  "type",
                  "status",
                  "lastTransitionTime",
                  "reason",
                  "message"
                ],
                "properties": {
                  "type": {
                    "description": "CamelCase name of the condition, such as Ready or Active.",
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 316,
                    "pattern": "^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$"
                  },
                  "status": {
                    "description": "Whether the condition holds; Unknown when it could not be observed.",
                    "type": "string",
                    "enum": [
                      "True",
                      "False",
                      "Unknown"
                    ]
                  },
                  "observedGeneration": {
                    "description": "The metadata.generation that the condition was computed from.",
                    "type": "integer",
                    "format": "int64",
                    "minimum": 0
                  },
                  "lastTransitionTime": {
                    "description": "When `status` last changed. A change of reason or message alone does not move it.",
                    "type": "string",
                    "format": "date-time",
                    "maxLength": 29,
                    "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,3})?(Z|[+-][0-9]{2}:[0-9]{2})$"
                  },
                  "reason": {
                    "description": "CamelCase cause, stable and meant for programs.",
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 1024,
                    "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"
                  },
                  "message": {
                    "description": "What a person should know: what happened, why, and what to do. May be empty.",
                    "type": "string",
                    "maxLength": 32768
                  }
                }
              }
            },
            "desiredConfigRevision": {
              "description": "Digest of the configuration that the tasks should have.",
              "type": "string",
              "maxLength": 128
            },
            "observedConfigRevision": {
              "description": "Digest of the configuration that all running tasks report.",
              "type": "string",
              "maxLength": 128
            },
            "taskDefinitionARN": {
              "description": "Task definition that the service uses.",
              "type": "string",
              "maxLength": 1024
            },
            "runningTasks": {
              "description": "Tasks that run.",
              "type": "integer",
              "format": "int32",
              "minimum": 0,
              "maximum": 10000
            },
            "tasks": {
              "description": "The running tasks.",
              "type": "array",
              "maxItems": 100,
              "x-kubernetes-list-type": "map",
              "x-kubernetes-list-map-keys": [
                "taskARN"
              ],
              "items": {
                "description": "One task.",
                "type": "object",
                "required": [
                  "taskARN",
                  "target",
                  "connected"
                ],
                "properties": {
                  "taskARN": {
                    "description": "The task.",
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 1024
                  },
                  "target": {
                    "description": "SSM target, `ecs:<cluster>_<task>_<container runtime>`.",
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 512
                  },
                  "connected": {
                    "description": "Whether the proxy of this task is connected to the controller.",
                    "type": "boolean"
                  },
                  "version": {
                    "description": "Version of Sallyport that the task runs.",
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 128
                  },
                  "draining": {
                    "description": "Whether the task is being replaced, so that it keeps its sessions and takes no new ones.",
                    "type": "boolean"
                  }
                }
              }
            },
            "rollout": {
              "description": "The last change of the configuration on its way to the tasks.",
              "type": "object",
              "required": [
                "configRevision",
                "state",
                "startTime"
              ],
              "properties": {
                "configRevision": {
                  "description": "Digest of the configuration that is rolled out.",
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 128
                },
                "state": {
                  "description": "Failed means that ECS gave up and went back to the configuration before, where there was one. It is not tried again before the spec changes or a reconcile is requested.",
                  "type": "string",
                  "enum": [
                    "InProgress",
                    "Completed",
                    "Failed"
                  ]
                },
                "startTime": {
                  "description": "When it began.",
                  "type": "string",
                  "format": "date-time",
                  "maxLength": 29,
                  "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,3})?(Z|[+-][0-9]{2}:[0-9]{2})$"
                },
                "afterTime": {
                  "description": "Time of the newest thing that ECS told of the service when it began, by ECS's clock: what failed before is not counted.",
                  "type": "string",
                  "format": "date-time",
                  "maxLength": 29,
                  "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,3})?(Z|[+-][0-9]{2}:[0-9]{2})$"
                },
                "message": {
                  "description": "Why it failed, as ECS tells it.",
                  "type": "string",
                  "maxLength": 4096
                }
              }
            },
            "lastDriftTime": {
              "description": "When a difference was last found.",
              "type": "string",
              "format": "date-time",
              "maxLength": 29,
              "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,3})?(Z|[+-][0-9]{2}:[0-9]{2})$"
            }
          }
        }
      }
    }
  }
};
