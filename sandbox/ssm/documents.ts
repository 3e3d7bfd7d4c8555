import { AwsError } from "../service.ts";
import type { PortProperties } from "./handshake.ts";

/** The only document that the sandbox can run a session of. */
const portDocument = "AWS-StartPortForwardingSession";

/** What a session is when no document is named: a shell. */
export const shellDocument = "SSM-SessionManagerRunShell";

/** Session documents that AWS has besides; naming one is judged by IAM as on AWS, and then refused by the sandbox. */
const otherDocuments: ReadonlySet<string> = new Set([
  shellDocument,
  "AWS-StartPortForwardingSessionToRemoteHost",
  "AWS-StartPortForwardingSessionToSocket",
  "AWS-StartSSHSession",
  "AWS-StartInteractiveCommand",
  "AWS-StartNonInteractiveCommand",
]);

/** Documents of AWS have no account in their ARN; the shell document and one's own belong to the account. */
export function documentARN(name: string, region: string, accountID: string): string {
  if (name.startsWith("arn:")) {
    return name;
  }
  return `arn:aws:ssm:${region}:${name.startsWith("AWS-") ? "" : accountID}:document/${name}`;
}

/** Checks the parameters of the port document and fills in its defaults. Throws InvalidDocument or ValidationException. */
export function portProperties(documentName: string, parameters: Readonly<Record<string, unknown>>): PortProperties {
  const name = documentName.replace(/^arn:aws:ssm:[^:]*:[^:]*:document\//, "");
  if (otherDocuments.has(name)) {
    throw new AwsError("InvalidDocument", `The sandbox runs sessions of ${portDocument} only, not of ${name}.`);
  }
  if (name !== portDocument) {
    throw new AwsError("InvalidDocument", `Document with name ${name} does not exist.`);
  }
  for (const key of Object.keys(parameters)) {
    if (key !== "portNumber" && key !== "localPortNumber") {
      throw new AwsError("ValidationException", `Document ${portDocument} has no parameter ${key}.`);
    }
  }
  return {
    portNumber: portParameter(parameters, "portNumber", "80", 1),
    localPortNumber: portParameter(parameters, "localPortNumber", "0", 0),
    type: "LocalPortForwarding",
  };
}

function portParameter(
  parameters: Readonly<Record<string, unknown>>,
  key: string,
  absent: string,
  minimum: number,
): string {
  const value = parameters[key] ?? [absent];
  const text: unknown = Array.isArray(value) && value.length === 1 ? value[0] : undefined;
  if (typeof text !== "string" || !/^\d{1,5}$/.test(text) || Number(text) < minimum || Number(text) > 65_535) {
    throw new AwsError("ValidationException", `Parameter ${key} must be a list of one port number.`);
  }
  return text;
}
