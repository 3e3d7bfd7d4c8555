import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { manualClock } from "#lib/clock.ts";
import { storeContract } from "./contract.ts";
import { searchContract } from "./search-contract.ts";
import { AuditStore } from "./store.ts";
import { visibleContract } from "./visible-contract.ts";

const begin: Parameters<typeof storeContract>[1] = async () => {
  const directory = mkdtempSync(`${tmpdir()}/store-`);
  return {
    open: () => AuditStore.open({ path: `${directory}/audit.db`, clock: manualClock() }),
    remove: async () => rmSync(directory, { recursive: true }),
  };
};

storeContract("SQLite", begin);
visibleContract("SQLite", begin);
searchContract("SQLite", begin);
