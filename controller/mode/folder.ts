import { folderTrust } from "../admission/identity-trust.ts";
import { alwaysLeading } from "../leadership/leadership.ts";
import { startServer } from "../serve/server.ts";
import { createFolderSource } from "../source/folder/source.ts";
import type { ControllerWorld } from "../world.ts";
import type { Mode } from "./mode.ts";
import { recoverLostState } from "./recover.ts";

/** A folder of YAML. The lock on the state directory, which the source takes, makes this the one process that acts. */
export function folderMode(world: ControllerWorld, folder: string): Mode {
  const { options, clock, log } = world;
  const source = createFolderSource({ folder, state: options.state, clock, log });
  return {
    source,
    leadership: alwaysLeading,
    identity: folderTrust(),
    observed: { folder: () => source.progress() },
    async open() {
      await recoverLostState(source, world);
      await source.start();
    },
    catchUp: async () => {},
    async listen(server) {
      // Nobody else could serve meanwhile: it listens when it serves.
      const control = await startServer({ ...server, ...options.listen });
      return { port: control.port, close: () => control.close(), serve() {} };
    },
    close: async () => {},
  };
}
