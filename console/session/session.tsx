import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Person } from "#wire/control-api.ts";
import type { Api } from "../api/client.ts";

/** The person's session with the controller. */
export interface Session {
  readonly api: Api;
  readonly person: Person;
  /** RFC 3339; absent: the controller has not said. */
  readonly expiryTime?: string;
  readonly signOut: () => void;
}

const SessionContext = createContext<Session | undefined>(undefined);

export const GivenSession = SessionContext.Provider;

/** The session; every page below the shell has one. */
export function useSession(): Session {
  const session = useContext(SessionContext);
  if (session === undefined) {
    throw new Error("no session above this component");
  }
  return session;
}

/** The API client as the signed-in person. */
export function useApi(): Api {
  return useSession().api;
}
