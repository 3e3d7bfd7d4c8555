import { afterAll, beforeAll } from "vitest";
import { storeContract } from "../contract.ts";
import { startStoreStand, type StoreStand } from "./stand.ts";

let stand: StoreStand;

beforeAll(async () => {
  stand = await startStoreStand();
});
afterAll(() => stand.server.stop());

storeContract("Postgres", async () => ({
  async open() {
    const store = await stand.open();
    await store.claim("test");
    return store;
  },
  remove: () => stand.clear(),
}));
