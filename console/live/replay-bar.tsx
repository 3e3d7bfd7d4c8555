import { Button } from "../ui/button.tsx";
import { type Replay, speeds, stepped } from "./replay.ts";
import { clockText } from "../text/clock.ts";
import { SelectField } from "./filter-fields.tsx";

/** Plays a session as it happened: play and pause, a time line, speed. Space plays, arrows on the line move by seconds, `[` and `]` by statement. */
export function ReplayBar({
  replay,
  times,
  onChange,
  onEnd,
}: {
  /** Absent: the whole session is shown. */
  readonly replay: Replay | undefined;
  readonly times: readonly number[];
  readonly onChange: (replay: Replay) => void;
  readonly onEnd: () => void;
}) {
  const first = times[0] ?? 0;
  const last = times.at(-1) ?? 0;
  const shown = replay ?? { atMs: last, isPlaying: false, speed: 1, skipsPauses: true };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === "[" || event.key === "]") {
      event.preventDefault();
      onChange(stepped(shown, times, event.key === "]" ? 1 : -1));
    }
  };
  return (
    <div class="replay" role="group" aria-label="Replay" onKeyDown={onKeyDown}>
      <ReplayButtons shown={shown} times={times} onChange={onChange} />
      <input
        class="replay-line"
        type="range"
        aria-label="Time in the session"
        aria-valuetext={clockText(shown.atMs)}
        min={0}
        max={Math.max(1, last - first)}
        step={Math.max(1, Math.min(1_000, Math.round((last - first) / 200)))}
        value={shown.atMs - first}
        onInput={(event) => onChange({ ...shown, atMs: first + Number(event.currentTarget.value), isPlaying: false })}
      />
      <output class="replay-time">{clockText(shown.atMs)}</output>
      <ReplayOptions shown={shown} onChange={onChange} />
      {replay === undefined ? null : (
        <Button kind="quiet" size="small" onPress={onEnd}>
          Show all
        </Button>
      )}
    </div>
  );
}

interface PartProps {
  readonly shown: Replay;
  readonly onChange: (replay: Replay) => void;
}

function ReplayButtons({ shown, times, onChange }: PartProps & { readonly times: readonly number[] }) {
  const togglePlay = (): void => {
    // From the end it begins again.
    const atMs = shown.atMs >= (times.at(-1) ?? 0) ? (times[0] ?? 0) : shown.atMs;
    onChange({ ...shown, atMs, isPlaying: !shown.isPlaying });
  };
  return (
    <div class="replay-buttons">
      <Button
        size="small"
        label="To the statement before"
        icon="left"
        onPress={() => onChange(stepped(shown, times, -1))}
      />
      <Button
        kind="primary"
        size="small"
        icon={shown.isPlaying ? "pause" : "play"}
        label={shown.isPlaying ? "Pause the replay" : "Play the session"}
        onPress={togglePlay}
      >
        {shown.isPlaying ? "Pause" : "Play"}
      </Button>
      <Button
        size="small"
        label="To the next statement"
        icon="right"
        onPress={() => onChange(stepped(shown, times, 1))}
      />
    </div>
  );
}

function ReplayOptions({ shown, onChange }: PartProps) {
  return (
    <>
      <SelectField
        label="Speed"
        value={String(shown.speed)}
        options={speeds.map((speed) => [String(speed), `${speed}×`] as const)}
        onChange={(speed) => onChange({ ...shown, speed: Number(speed) })}
      />
      <label class="replay-skip">
        <input
          type="checkbox"
          checked={shown.skipsPauses}
          onChange={(event) => onChange({ ...shown, skipsPauses: event.currentTarget.checked })}
        />
        Skip pauses
      </label>
    </>
  );
}
