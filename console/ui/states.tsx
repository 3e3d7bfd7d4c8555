import type { ComponentChildren } from "preact";
import { Icon, type IconName } from "./icon.tsx";

/** Shown while the first answer is on its way. Its bars appear after a moment only, so that quick answers do not flicker. */
export function Loading({ what, rows = 3 }: { readonly what: string; readonly rows?: number }) {
  return (
    <div class="loading" role="status">
      <span class="visually-hidden">Loading {what}…</span>
      {Array.from({ length: rows }, (_, index) => (
        <div key={index} class="loading-bar" aria-hidden="true" />
      ))}
    </div>
  );
}

/** Shown where there is nothing, with what to do about it. */
export function Empty({
  icon,
  title,
  children,
}: {
  readonly icon: IconName;
  readonly title: string;
  readonly children?: ComponentChildren;
}) {
  return (
    <div class="empty">
      <Icon name={icon} />
      <p class="empty-title">{title}</p>
      {children === undefined ? null : <div class="empty-text">{children}</div>}
    </div>
  );
}
