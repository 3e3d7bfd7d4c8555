/** A Grant as somebody would write it into the folder: for ten minutes, and never beyond an hour from now. */
export function grantFile(grant: {
  readonly name: string;
  readonly person: string;
  readonly database: string;
  readonly role: string;
  readonly durationSeconds?: number;
}): string {
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
`;
}
