import { type CancelTimer, pause } from "#lib/clock.ts";
import { coerceError, UserError } from "#lib/errors.ts";
import type { ExtendRequest } from "#wire/approval.ts";
import type { GrantView } from "#wire/control-api.ts";
import type { Warning } from "#wire/handshake.ts";
import type { World } from "../command.ts";
import type { ControlClient } from "../control/client.ts";
import { formatDuration } from "../output/duration.ts";

/** What is left when the end is announced: time to finish, and time to save. */
export const warnBeforeMs: readonly number[] = [5 * 60_000, 60_000];
/** The proxy warns too, at a moment that the policy sets. Within this time of each other one warning is enough. */
export const sameWarningMs = 30_000;
/** How long an extension may take to show: the controller looks at the grant at once, and AWS has no part in it. */
export const extensionWaitMs = 30_000;
const extensionPollMs = 1_000;

/** The moment of the next warning: what will be left then. Undefined where all have been given. `warnedAtMs`: what was left at the last one. */
export function nextWarning(leftMs: number, warnedAtMs: number): number | undefined {
  return warnBeforeMs.find((mark) => mark < leftMs && mark < warnedAtMs - sameWarningMs);
}

export interface ExpiryOptions {
  readonly control: ControlClient;
  readonly grant: GrantView;
  /** As messages name it, such as `read_only access to orders`. */
  readonly name: string;
  readonly world: World;
  /** Extends by itself instead of the first warning, as often as the workflow lets it. */
  readonly autoExtend: boolean;
  /** How the person says here that they want an extension, such as `type e and press Enter`; absent where they cannot. */
  readonly askHere?: string;
  readonly onExtended: (expiryMs: number) => void;
}

/** Follows one live grant to its end: warns before it, and extends it where the person wants that. */
export class Expiry {
  readonly #options: ExpiryOptions;
  readonly #stopping = new AbortController();
  #grant: GrantView;
  #expiryMs: number;
  /** What was left at the last warning for this end. */
  #warnedAtMs = Infinity;
  #cancel: CancelTimer = () => {};
  #extending: Promise<void> | undefined;

  constructor(options: ExpiryOptions) {
    this.#options = options;
    this.#grant = options.grant;
    this.#expiryMs = Date.parse(options.grant.expiryTime ?? "");
    this.#arm();
  }

  /** Whether the coming end has been announced. */
  get hasWarned(): boolean {
    return this.#warnedAtMs !== Infinity;
  }

  /** The end as it was said somewhere else. */
  seen(expiryTime: string): void {
    const expiryMs = Date.parse(expiryTime);
    if (expiryMs !== this.#expiryMs && !Number.isNaN(expiryMs)) {
      this.#moved(expiryMs);
    }
  }

  /** The proxy's warning. It is told unless the person has just heard the same. */
  proxyWarned({ remainingMs }: Warning): void {
    if (this.#warnedAtMs > remainingMs + sameWarningMs) {
      void this.#announce();
    }
  }

  /** The computer has slept, and timers with it: a warning that fell due meanwhile is given now. */
  woke(): void {
    if (warnBeforeMs.some((mark) => this.#leftMs <= mark && mark < this.#warnedAtMs - sameWarningMs)) {
      void this.#announce();
    } else {
      this.#arm();
    }
  }

  /** Extends the grant once, as its workflow allows, and says how it went. Never rejects. */
  extend(): Promise<void> {
    this.#extending ??= this.#extend()
      .catch((error: unknown) => {
        if (!this.#stopping.signal.aborted) {
          this.#options.world.output.error(this.#notExtended(error));
        }
      })
      .finally(() => {
        this.#extending = undefined;
      });
    return this.#extending;
  }

  stop(): void {
    this.#stopping.abort();
    this.#cancel();
  }

  get #leftMs(): number {
    return this.#expiryMs - this.#options.world.clock.now();
  }

  #arm(): void {
    this.#cancel();
    const mark = nextWarning(this.#leftMs, this.#warnedAtMs);
    if (mark !== undefined && !this.#stopping.signal.aborted) {
      this.#cancel = this.#options.world.clock.after(this.#leftMs - mark, () => void this.#announce());
    }
  }

  #moved(expiryMs: number): void {
    this.#expiryMs = expiryMs;
    this.#warnedAtMs = Infinity;
    this.#options.onExtended(expiryMs);
    this.#arm();
  }

  /** Looks how the grant stands first: somebody may have extended it elsewhere. */
  async #announce(): Promise<void> {
    // Before the look, so that the proxy's warning and our own are not told both.
    this.#warnedAtMs = this.#leftMs;
    await this.#look().catch(() => {});
    // A machine that slept may wake up after the end: then its message follows at once.
    if (this.#stopping.signal.aborted || !this.hasWarned || this.#leftMs <= 0) {
      return;
    }
    this.#arm();
    if (this.#options.autoExtend && this.#mayExtend) {
      await this.extend();
      return;
    }
    const { name, world } = this.#options;
    const remainingMs = Math.max(0, this.#leftMs);
    const ends = `${name} ends in ${formatDuration(remainingMs / 1_000)}, at ${new Date(this.#expiryMs).toISOString()}`;
    const expiryTime = new Date(this.#expiryMs).toISOString();
    const mayExtend = this.#mayExtend;
    world.output.event("WARNING", `${ends}. ${this.#offer()}`, { remainingMs, expiryTime, mayExtend });
  }

  async #look(): Promise<void> {
    const { control, world } = this.#options;
    const signal = AbortSignal.any([this.#stopping.signal, world.signal]);
    this.#grant = await control.get<GrantView>(`/v1/grants/${this.#options.grant.grantID}`, { signal });
    this.seen(this.#grant.expiryTime ?? "");
  }

  get #mayExtend(): boolean {
    const { extension, actions } = this.#grant;
    const isLeft = extension !== undefined && extension.count < extension.maxCount;
    return isLeft && (actions?.includes("extend") ?? true);
  }

  #offer(): string {
    const { extension } = this.#grant;
    if (extension === undefined || !this.#mayExtend) {
      return "It cannot be extended: finish what you are doing, or ask for access again afterwards.";
    }
    const how = this.#options.askHere ?? `run: sallyport extend ${this.#grant.grantID}`;
    return `To extend it by ${formatDuration(extension.durationSeconds)}, ${how}.`;
  }

  async #extend(): Promise<void> {
    const { control, world, name } = this.#options;
    await this.#look();
    const before = this.#expiryMs;
    const { extension } = this.#grant;
    if (extension === undefined || !this.#mayExtend) {
      throw new UserError("NotExtendable", `${name} cannot be extended`, {
        why:
          extension === undefined
            ? "its workflow allows no extension"
            : `it has been extended ${extension.count} of ${extension.maxCount} times`,
        next: "Ask for access again when it has ended: run the same command.",
      });
    }
    const body: ExtendRequest = { count: extension.count };
    const signal = AbortSignal.any([this.#stopping.signal, world.signal]);
    await control.post<GrantView>(`/v1/grants/${this.#grant.grantID}/extend`, body, { signal });
    const endsMs = world.clock.monotonicMs() + extensionWaitMs;
    for (;;) {
      await this.#look();
      if (this.#expiryMs > before) {
        break;
      }
      if (world.clock.monotonicMs() > endsMs) {
        throw new UserError("NotExtendedYet", `the extension of ${name} was accepted, and has not taken effect yet`, {
          why: `the controller did not carry it out within ${extensionWaitMs / 1_000} s`,
          next: `sallyport grants get ${this.#grant.grantID}`,
        });
      }
      await pause(world.clock, extensionPollMs, signal);
    }
    const left = formatDuration(this.#leftMs / 1_000);
    const expiryTime = new Date(this.#expiryMs).toISOString();
    world.output.event("EXTENDED", `${name} will now expire in ${left}`, { expiryTime });
  }

  #notExtended(error: unknown): UserError {
    return error instanceof UserError
      ? error
      : new UserError("NotExtended", `${this.#options.name} was not extended`, {
          why: coerceError(error).message,
          next: `sallyport grants get ${this.#grant.grantID}`,
        });
  }
}
