import type { Clock } from "#lib/clock.ts";
import { coerceError } from "#lib/errors.ts";
import { AwsFailure } from "./ports.ts";

/** Credentials of a role for some time. */
export interface RoleCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly expiration?: Date;
}

/** The role of another account, and how it is taken. */
export interface AssumedRole {
  readonly roleARN: string;
  /** Undefined: none is named. */
  readonly externalID: string | undefined;
  /** Takes the role once (sts:AssumeRole). Throws what the SDK throws. */
  readonly take: () => Promise<RoleCredentials>;
}

/**
 * Credentials are fetched anew this long before they end. SDK clients ask for others in the last five minutes; by then these are there.
 */
export const refreshBeforeMs = 10 * 60_000;
/** With credentials that still work, a refresh that failed is tried again after this time, and not with each call. */
export const retryRefreshMs = 30_000;

/**
 * Gives credentials of a role, fetched once for all who ask at a time, and again before they end. While STS cannot be reached those
 * that are held are used to their end. Rejects with an `AwsFailure` that says what to mend.
 */
export function assumedRole(role: AssumedRole, clock: Clock): () => Promise<RoleCredentials> {
  let held: RoleCredentials | undefined;
  let asking: Promise<RoleCredentials> | undefined;
  let notBeforeMs = 0;
  const leftMs = (credentials: RoleCredentials): number =>
    (credentials.expiration?.getTime() ?? Infinity) - clock.now();
  const take = async (): Promise<RoleCredentials> => {
    try {
      held = await role.take();
      return held;
    } catch (thrown) {
      notBeforeMs = clock.monotonicMs() + retryRefreshMs;
      throw explain(thrown, role);
    } finally {
      asking = undefined;
    }
  };
  return async () => {
    const usable = held !== undefined && leftMs(held) > 0 ? held : undefined;
    if (usable !== undefined && (leftMs(usable) > refreshBeforeMs || clock.monotonicMs() < notBeforeMs)) {
      return usable;
    }
    asking ??= take();
    try {
      return await asking;
    } catch (error) {
      if (usable !== undefined) {
        return usable;
      }
      throw error;
    }
  };
}

/** A refusal of STS in words that say who must be let in by whom. Anything else means that STS cannot be asked now. */
function explain(thrown: unknown, { roleARN, externalID }: AssumedRole): AwsFailure {
  const { name, message } = coerceError(thrown);
  const call = "sts:AssumeRole";
  if (!name.startsWith("AccessDenied")) {
    return new AwsFailure("unavailable", name, call, `${call}: the role ${roleARN} could not be taken: ${message}`);
  }
  const caller = /User: (arn:\S+)/.exec(message)?.[1];
  const principal = caller === undefined ? "the controller's own role" : principalOf(caller);
  const statement = {
    Effect: "Allow",
    Principal: { AWS: principal },
    Action: call,
    ...(externalID === undefined ? {} : { Condition: { StringEquals: { "sts:ExternalId": externalID } } }),
  };
  const text =
    `${call}: the role ${roleARN} does not exist or does not let ${principal} in` +
    `${externalID === undefined ? "" : ` with the external ID ${externalID}`}. Its trust policy needs: ${JSON.stringify(statement)}. ` +
    `The policy of ${principal} must allow ${call} on the role.`;
  return new AwsFailure("denied", "AssumeRoleDenied", call, text);
}

/** Trust policies name a role, not a session of it: `arn:aws:sts::1:assumed-role/name/session` is the role `name`. */
function principalOf(caller: string): string {
  const [, partition, account, name] = /^arn:(aws[a-z-]*):sts::(\d{12}):assumed-role\/([^/]+)\//.exec(caller) ?? [];
  return name === undefined ? caller : `arn:${partition}:iam::${account}:role/${name}`;
}
