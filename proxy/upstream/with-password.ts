import type { Secret } from "#lib/secret.ts";
import { UpstreamError, type PasswordSource } from "./target.ts";

/**
 * Logs in with the source's password. One that the database refuses is read afresh and, if it differs, tried once more: it may have
 * been rotated. Never more than that, since some servers lock an account after a few failures. `attempt` throws `UpstreamError`
 * with `AuthenticationFailed` for a password that was refused. Every engine logs in through this.
 */
export async function withPassword<T>(
  source: PasswordSource,
  signal: AbortSignal | undefined,
  attempt: (password: Secret) => Promise<T>,
): Promise<T> {
  const tryOne = async (password: Secret): Promise<T> => {
    const result = await attempt(password);
    source.accepted?.(password);
    return result;
  };
  const password = await unlessAborted(source.get(false), signal);
  try {
    return await tryOne(password);
  } catch (error) {
    if (!(error instanceof UpstreamError) || error.health !== "AuthenticationFailed") {
      throw error;
    }
    const fresh = await unlessAborted(source.get(true, password), signal);
    if (fresh.reveal() === password.reveal()) {
      throw error;
    }
    return tryOne(fresh);
  }
}

/** Waits for something that cannot be aborted itself, and whose late result nobody needs. */
async function unlessAborted<T>(result: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) {
    return result;
  }
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(new UpstreamError("SecretUnreadable", "the session was given up"));
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    if (signal.aborted) {
      onAbort();
    }
    return await Promise.race([result, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
