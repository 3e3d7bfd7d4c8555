import type { ComponentChildren } from "preact";
import { Icon, type IconName } from "./icon.tsx";

interface ButtonLook {
  /** `primary`: the one thing to do here. `danger`: takes something away. Absent: an ordinary one. */
  readonly kind?: "primary" | "danger" | "quiet";
  readonly size?: "small";
  readonly icon?: IconName;
  /** What a screen reader says, where the words on it do not stand alone. */
  readonly label?: string;
  readonly children?: ComponentChildren;
}

export interface ButtonProps extends ButtonLook {
  readonly type?: "submit";
  readonly disabled?: boolean;
  /** Something that it started goes on: it says so and takes no other press. */
  readonly busy?: boolean;
  readonly pressed?: boolean;
  readonly onPress?: () => void;
}

/** Does something on this page. */
export function Button({ type, disabled, busy, pressed, onPress, ...look }: ButtonProps) {
  return (
    <button
      type={type ?? "button"}
      class={classOf(look)}
      disabled={disabled === true || busy === true}
      aria-busy={busy === true ? "true" : undefined}
      aria-pressed={pressed}
      aria-label={look.label}
      onClick={onPress}
    >
      <Inside {...look} />
    </button>
  );
}

/** Looks like a button and leads to another place. `native`: the browser follows it, not the router. */
export function ButtonLink({
  href,
  native,
  ...look
}: ButtonLook & { readonly href: string; readonly native?: boolean }) {
  return (
    <a class={classOf(look)} href={href} aria-label={look.label} data-native={native === true ? "" : undefined}>
      <Inside {...look} />
    </a>
  );
}

function Inside({ icon, children }: ButtonLook) {
  return (
    <>
      {icon === undefined ? null : <Icon name={icon} />}
      {children === undefined ? null : <span>{children}</span>}
    </>
  );
}

function classOf({ kind, size, children }: ButtonLook): string {
  const names = ["button", kind, size, children === undefined ? "bare" : undefined];
  return names.filter((name) => name !== undefined).join(" ");
}
