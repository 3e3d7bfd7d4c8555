import { useEffect, useRef, useState } from "preact/hooks";
import type { TrailEventView } from "#wire/trail-event.ts";
import type { StreamState } from "../api/follow.ts";
import { useApi } from "../session/session.tsx";

/** Events of one grant, oldest first, as they come. */
export function useEvents(grantID: string): {
  readonly events: readonly TrailEventView[];
  readonly state: StreamState;
} {
  const api = useApi();
  const [events, setEvents] = useState<readonly TrailEventView[]>([]);
  const [state, setState] = useState<StreamState>("connecting");
  const position = useRef(0);
  useEffect(() => {
    const over = new AbortController();
    position.current = 0;
    setEvents([]);
    api.follow<TrailEventView>("/v1/events/tail", {
      query: () => ({ grantID, after: position.current }),
      onLines(lines) {
        // Counted here and not where they are shown: the next connection begins after them, shown or not.
        const fresh = lines.filter(({ storeSeq }) => storeSeq > position.current);
        position.current = Math.max(position.current, ...lines.map(({ storeSeq }) => storeSeq));
        setEvents((before) => [...before, ...fresh]);
      },
      onState: setState,
      signal: over.signal,
    });
    return () => over.abort();
  }, [api, grantID]);
  return { events, state };
}
