import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { stateFile } from "#controller/state/sqlite.ts";
import { assertConformance, type Judged } from "#kinds/conformance.ts";
import { apiVersion } from "#kinds/index.ts";
import { definitions } from "#kinds/generated/schemas.ts";
import type { ApiAnswer, ApiRequest } from "./control-plane-client.ts";

/** Judges every status that a controller left in its state directory; see `kinds/conformance.ts`. Throws at the first that tools cannot read. */
export function judgeState(directory: string): void {
  if (!existsSync(stateFile(directory))) {
    return;
  }
  const db = new DatabaseSync(stateFile(directory), { readOnly: true });
  try {
    for (const { object } of db.prepare("SELECT object FROM object").all()) {
      assertConformance(JSON.parse(String(object)) as Judged);
    }
  } finally {
    db.close();
  }
}

/** Judges every status of ours in a cluster, in all namespaces. Throws at the first that tools cannot read. */
export async function judgeCluster(request: (what: ApiRequest) => Promise<ApiAnswer>): Promise<void> {
  for (const { plural } of Object.values(definitions)) {
    const { status, body } = await request({ path: `/apis/${apiVersion}/${plural}` });
    for (const object of status === 200 ? (body as { items: readonly Judged[] }).items : []) {
      assertConformance(object);
    }
  }
}
