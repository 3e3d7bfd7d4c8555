import { moveTrail } from "../store/move/move.ts";
import { parseStoreAddress } from "../store/postgres/address.ts";

/** A process for tests: moves the trail of its first argument to the URL of its second, and kills itself after so many parts as its third says. */
const [state = "", url = "", parts = ""] = process.argv.slice(2);
let left = Number(parts);
await moveTrail({
  state,
  address: parseStoreAddress(url),
  onMoved: () => {
    left -= 1;
    if (left === 0) {
      process.kill(process.pid, "SIGKILL");
    }
  },
});
