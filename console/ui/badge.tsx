import type { ComponentChildren } from "preact";
import { Icon, type IconName } from "./icon.tsx";

/** What a state means for the person: colour and picture follow from it, and the words always say it as well. */
export type Tone = "neutral" | "good" | "busy" | "waiting" | "bad" | "warning";

const icons: Readonly<Record<Tone, IconName>> = {
  neutral: "dot",
  good: "check",
  busy: "clock",
  waiting: "clock",
  bad: "cross",
  warning: "warning",
};

/** A state in a word or two. */
export function Badge({
  tone,
  icon,
  children,
}: {
  readonly tone: Tone;
  readonly icon?: IconName;
  readonly children: ComponentChildren;
}) {
  return (
    <span class={`badge ${tone}`}>
      <Icon name={icon ?? icons[tone]} />
      <span>{children}</span>
    </span>
  );
}
