import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { DatabaseSync } from "node:sqlite";
import { expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { AuditStore } from "./store.ts";

it("says what to do when the store is of a newer release", async () => {
  const directory = mkdtempSync(`${tmpdir()}/store-`);
  const database = new DatabaseSync(`${directory}/new.db`);
  database.exec("PRAGMA user_version = 99");
  database.close();

  const opening = AuditStore.open({ path: `${directory}/new.db`, clock: manualClock() });

  await expect(opening).rejects.toMatchObject({ code: "AuditStoreTooNew", next: expect.stringContaining("newer") });
  rmSync(directory, { recursive: true });
});
