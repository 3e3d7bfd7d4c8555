import type { World } from "../command.ts";
import type { Session } from "./session.ts";

/** Runs `use` with a signed-in session and closes it, however `use` ends. What signing in takes is loaded only now. */
export async function signedIn<T>(world: World, use: (session: Session) => Promise<T>): Promise<T> {
  const { openSession } = await import("./session.ts");
  const session = await openSession(world);
  try {
    return await use(session);
  } finally {
    session.close();
  }
}
