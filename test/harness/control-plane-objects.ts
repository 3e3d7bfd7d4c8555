import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { parse } from "yaml";
import type { ApiAnswer, ApiRequest } from "./control-plane-client.ts";
import { eventually, repository } from "./process.ts";

/** One request as the administrator. */
export type Ask = (what: ApiRequest) => Promise<ApiAnswer>;

/** Creates an object from its metadata and other fields; rejects with what the server said. */
export async function make(ask: Ask, at: string, metadata: object, fields: object = {}): Promise<unknown> {
  const answer = await ask({ path: at, method: "POST", body: { metadata, ...fields } });
  return expectSuccess(`POST ${at}`, answer);
}

/** As `make`, for what may be there already. */
async function ensure(ask: Ask, at: string, name: string): Promise<void> {
  const answer = await ask({ path: at, method: "POST", body: { metadata: { name } } });
  if (answer.status !== 409) {
    expectSuccess(`POST ${at}`, answer);
  }
}

/** Life of a service account's token: the server's least is ten minutes. */
const tokenSeconds = 3_600;

/** A token of a service account, made where it is not there, as the kubelet asks for a pod's. */
export async function serviceAccountToken(ask: Ask, namespace: string, name: string): Promise<string> {
  const accounts = `/api/v1/namespaces/${namespace}/serviceaccounts`;
  await ensure(ask, "/api/v1/namespaces", namespace);
  await ensure(ask, accounts, name);
  const at = `${accounts}/${name}/token`;
  const answer = await make(ask, at, {}, { spec: { expirationSeconds: tokenSeconds } });
  return (answer as { status: { token: string } }).status.token;
}

/** Part of a CustomResourceDefinition that says whether it is served. */
interface Definition {
  readonly metadata: { readonly name: string };
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/** Applies `crds/*.yaml` and waits until the server serves each. */
export async function installCRDs(ask: Ask): Promise<void> {
  const collection = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  const definitions = globSync("crds/*.yaml", { cwd: repository }).map(
    (file) => parse(readFileSync(path.join(repository, file), "utf8")) as Definition,
  );
  await Promise.all(
    definitions.map(async (definition) => {
      const at = `${collection}/${definition.metadata.name}`;
      const query = "?fieldManager=test&force=true";
      const contentType = "application/apply-patch+yaml";
      const applied = await ask({ path: at + query, method: "PATCH", contentType, body: definition });
      expectSuccess(`PATCH ${at}`, applied);
      await eventually(`${definition.metadata.name} is Established`, async () => {
        const { body } = await ask({ path: at });
        const conditions = (body as Definition).status?.conditions ?? [];
        return conditions.some(({ type, status }) => type === "Established" && status === "True") || undefined;
      });
    }),
  );
}

function expectSuccess(what: string, { status, body }: ApiAnswer): unknown {
  if (status >= 300) {
    throw new Error(`${what} was answered ${status}: ${JSON.stringify(body)}`);
  }
  return body;
}
