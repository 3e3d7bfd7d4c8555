import { identityStub } from "../../bench/identity-stub.ts";
import { taskARN } from "../../bench/grants.ts";
import { startProxy } from "#proxy/main.ts";

/*
 * The proxy as `sallyport proxy` starts it, for tests to kill. Only what is AWS is played: STS believes everybody, the metadata name one
 * task for ever, and the secret is an argument. Says `listening` once it does.
 */

/** Its only argument, as JSON. */
export interface ProxyConfig {
  readonly environment: Readonly<Record<string, string>>;
  /** Where it keeps what it must not forget. */
  readonly directory: string;
  /** Of the database's role. */
  readonly password: string;
}

const { environment, directory, password } = JSON.parse(process.argv[2] ?? "{}") as ProxyConfig;
const person = identityStub("person");
const fetch: typeof globalThis.fetch = (url, request) =>
  typeof url === "string" && url.endsWith("/task")
    ? Promise.resolve(Response.json({ TaskARN: taskARN }))
    : person(url, request);
await startProxy(environment, { directory, fetch, readSecret: () => Promise.resolve(JSON.stringify({ password })) });
process.stdout.write("listening\n");
