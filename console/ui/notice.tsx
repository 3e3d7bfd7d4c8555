import type { ComponentChildren } from "preact";
import type { Tone } from "./badge.tsx";
import { Icon, type IconName } from "./icon.tsx";

const icons: Readonly<Record<Tone, IconName>> = {
  neutral: "dot",
  good: "check",
  busy: "clock",
  waiting: "clock",
  bad: "warning",
  warning: "warning",
};

/** Something to know before going on. `alert`: it came up just now, and screen readers say it at once. */
export function Notice({
  tone,
  title,
  alert,
  icon,
  children,
}: {
  readonly tone: Tone;
  readonly title: string;
  readonly alert?: boolean;
  readonly icon?: IconName;
  readonly children?: ComponentChildren;
}) {
  return (
    <div class={`notice ${tone}`} role={alert === true ? "alert" : undefined}>
      <Icon name={icon ?? icons[tone]} />
      <div class="notice-body">
        <p class="notice-title">{title}</p>
        {children}
      </div>
    </div>
  );
}
