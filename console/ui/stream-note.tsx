import type { StreamState } from "../api/follow.ts";

const words: Readonly<Record<StreamState, string>> = {
  connecting: "Connecting…",
  live: "Live",
  waiting: "Connection lost. Trying again…",
  paused: "Paused",
  refused: "Not allowed",
};

/** How a stream is, so that nobody takes old things for new ones. */
export function StreamNote({ state }: { readonly state: StreamState }) {
  return (
    <span class="stream-note" data-state={state} role="status">
      {words[state]}
    </span>
  );
}
