/** A Grant that the story asks for. */
export interface DemoGrant {
  readonly name: string;
  readonly person: string;
  readonly database: string;
  readonly role: string;
  /** Ten minutes by default. */
  readonly durationSeconds?: number;
  /** Who asks for it, where that is a person and not a pipeline. */
  readonly requester?: string;
}

/** A Grant as somebody would write it: never beyond an hour from now. */
export function grantFile(grant: DemoGrant): string {
  const notAfterTime = new Date(Date.now() + 3_600_000).toISOString().replace(/\.\d+Z$/, "Z");
  return `apiVersion: sallyport.dev/v1alpha1
kind: Grant
metadata:
  name: ${grant.name}
spec:
  principal:
    name: ${grant.person}
  databaseRef:
    name: ${grant.database}
  roleName: ${grant.role}
  durationSeconds: ${grant.durationSeconds ?? 600}
  notAfterTime: "${notAfterTime}"
  reason: "INC-42: orders are stuck"
${grant.requester === undefined ? "" : `  requester:\n    username: ${grant.requester}\n`}`;
}
