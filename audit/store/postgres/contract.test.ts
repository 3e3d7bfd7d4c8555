import { afterAll, beforeAll } from "vitest";
import { storeContract } from "../contract.ts";
import { searchContract } from "../search-contract.ts";
import { visibleContract } from "../visible-contract.ts";
import { startStoreStand, type StoreStand } from "#test/harness/audit-postgres.ts";

let stand: StoreStand;

beforeAll(async () => {
  stand = await startStoreStand();
});
afterAll(() => stand.server.stop());

const begin: Parameters<typeof storeContract>[1] = async () => ({
  async open() {
    const store = await stand.open();
    await store.claim("test");
    return store;
  },
  remove: () => stand.clear(),
});

storeContract("Postgres", begin);
visibleContract("Postgres", begin);
searchContract("Postgres", begin);
