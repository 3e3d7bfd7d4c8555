/** The part of a Kubernetes structural schema (OpenAPI v3) that `crds/` uses. */
export interface Schema {
  readonly description?: string;
  readonly type?: "object" | "array" | "string" | "integer" | "boolean";
  readonly format?: "int32" | "int64" | "date-time";
  readonly enum?: readonly (string | number)[];
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly required?: readonly string[];
  readonly properties?: { readonly [name: string]: Schema };
  readonly additionalProperties?: Schema | false;
  readonly items?: Schema;
  readonly "x-kubernetes-list-type"?: "map" | "set" | "atomic";
  readonly "x-kubernetes-list-map-keys"?: readonly string[];
  readonly "x-kubernetes-map-type"?: "atomic" | "granular";
  readonly "x-kubernetes-validations"?: readonly Rule[];
}

/** One entry of `x-kubernetes-validations`: a CEL expression that must be true of the value it stands at. */
export interface Rule {
  /** CEL over `self` and, on update, `oldSelf`. */
  readonly rule: string;
  /** What the person is told when it does not hold. */
  readonly message: string;
  readonly reason?: "FieldValueInvalid" | "FieldValueForbidden" | "FieldValueRequired" | "FieldValueDuplicate";
  /** Where the message belongs, relative to the schema that carries the rule, such as `.durationSeconds`. */
  readonly fieldPath?: string;
  /** Whether the rule also runs where there is no old value; `oldSelf` is then an optional. */
  readonly optionalOldSelf?: boolean;
}

/** What `kinds/` keeps of one CRD at run time. */
export interface KindDefinition {
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly schema: Schema;
}
