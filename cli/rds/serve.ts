import { pause } from "#lib/clock.ts";
import { defined } from "#lib/defined.ts";
import { assertNever, coerceError, UserError } from "#lib/errors.ts";
import type { ConnectInfo, GrantView } from "#wire/control-api.ts";
import type { Warning } from "#wire/handshake.ts";
import type { World } from "../command.ts";
import { ControlFailure } from "../control/failure.ts";
import type { Session } from "../signin/session.ts";
import { type Connection, connect, type Ending } from "./connect.ts";
import type { Front } from "./front.ts";
import { isInDoubt, SleepWatch } from "./sleep-watch.ts";
import { begin, type Moment, next, type Outcome, overCodes, type WayAction, type WayEvent } from "./reconnect.ts";

/** How long the proxy has to end its database sessions with their reason: it cancels what runs first, which takes a moment. */
const lastWordsMs = 5_000;
/** The end of a session often shows as a closed SSM session first; the controller knows the reason within this time. */
const reasonWaitMs = 2_000;

/** Opens the way to the database of a grant. */
export type Connect = typeof connect;

/** How serving a grant came to its end. */
export type Served = { readonly kind: "stopped" } | { readonly kind: "over"; readonly message: string };

export interface ServeOptions {
  /** Called once, when the database can be used. */
  readonly onReady?: (info: ConnectInfo) => void;
  /** Called with every way that is found, the first included. */
  readonly onInfo?: (info: ConnectInfo) => void;
  /** What the proxy says about the coming end. */
  readonly onWarning?: (warning: Warning) => void;
  /** The computer has slept: what was to happen by the clock on the wall may be late. */
  readonly onWoke?: () => void;
  readonly connect?: Connect;
}

/**
 * Serves the database on the front's port until the grant ends or the person stops it. A lost tunnel (a network change, a machine that
 * slept, a proxy that crashed) is replaced while the grant is live: the port stays, clients that come meanwhile wait a little, those that
 * were cut are told in their own protocol. A proxy that is being replaced is left without any of that: new connections go to its
 * successor, and the old tunnel stays until the last of those that are open has ended.
 */
export class Serving {
  readonly #session: Session;
  readonly #grant: GrantView;
  readonly #front: Front;
  readonly #world: World;
  readonly #options: ServeOptions;
  readonly #retired = new Retired();
  readonly #finished = Promise.withResolvers<Outcome>();
  #state;
  #current: Connection | undefined;
  /** Made, and not yet in use. */
  #fresh: Connection | undefined;
  #known: ConnectInfo | undefined;
  #failure: Error | undefined;
  #isOver = false;
  #cancelRest = (): void => {};

  constructor(session: Session, grant: GrantView, front: Front, world: World, options: ServeOptions) {
    this.#session = session;
    this.#grant = grant;
    this.#front = front;
    this.#world = world;
    this.#options = options;
    this.#state = begin(this.#moment()).state;
  }

  /** The grant now ends at another time. */
  extended(expiryMs: number): void {
    this.#on({ kind: "extended", expiryMs });
  }

  /**
   * Rejects where the way cannot be found (again), with the reason of the last try; with the signal's reason when stopped before the
   * first.
   */
  async run(): Promise<Served> {
    const { signal } = this.#world;
    const stop = (): void => this.#on({ kind: "stopped" });
    const isFirst = (): boolean => this.#state.isFirst;
    const watch = new SleepWatch(this.#world.clock, () => this.#woke());
    this.#front.onWanted(() => this.#on({ kind: "wanted" }));
    this.#front.onClient(() => this.#met(watch));
    signal.addEventListener("abort", stop, { once: true });
    try {
      this.#dial();
      if (signal.aborted) {
        stop();
      }
      const outcome = await this.#finished.promise;
      switch (outcome.kind) {
        case "over":
          await this.#lastWords(outcome.message);
          return outcome;
        case "stopped":
          if (isFirst()) {
            throw coerceError(signal.reason);
          }
          // Before the way is closed: clients would take that for a loss, and be told so.
          await this.#front.close();
          return outcome;
        case "failed":
          throw this.#failure ?? new Error("no try has failed");
        default:
          return assertNever(outcome);
      }
    } finally {
      signal.removeEventListener("abort", stop);
      this.#cancelRest();
      watch.stop();
      this.#front.onWanted(() => {});
      this.#front.onClient(() => {});
      await Promise.all([this.#current?.close(), this.#retired.close()]);
    }
  }

  /** Connections that were open may be dead without a word of it, and nobody waits for a pause that began before. */
  #woke(): void {
    this.#session.control.forgetIdle();
    this.#current?.probe();
    this.#on({ kind: "wanted" });
    this.#options.onWoke?.();
  }

  #met(watch: SleepWatch): void {
    const current = this.#current;
    const { clock } = this.#world;
    if (!watch.look() && current !== undefined && isInDoubt(clock.monotonicMs() - current.heardMs())) {
      current.probe();
    }
  }

  /** The proxy still tells each database client why; closing first would leave them with a bare end. */
  async #lastWords(message: string): Promise<void> {
    this.#front.shut(
      `failed to accept connection for client because the proxy server connection has ended: ${message}`,
    );
    const { promise, resolve } = Promise.withResolvers<void>();
    const stop = (): void => resolve();
    this.#world.signal.addEventListener("abort", stop, { once: true });
    await Promise.race([this.#front.drained(lastWordsMs), promise]);
    this.#world.signal.removeEventListener("abort", stop);
  }

  #moment(): Moment {
    const { clock, random } = this.#world;
    return { nowMs: clock.now(), monotonicMs: clock.monotonicMs(), chance: (random(1)[0] ?? 0) / 255 };
  }

  #on(event: WayEvent): void {
    const { state, actions } = next(this.#state, event, this.#moment());
    this.#state = state;
    for (const action of actions) {
      this.#do(action);
    }
  }

  #do(action: WayAction): void {
    const { output, clock } = this.#world;
    switch (action.kind) {
      case "dial":
        this.#dial();
        break;
      case "rest":
        this.#cancelRest();
        this.#cancelRest = clock.after(action.delayMs, () => this.#on({ kind: "rested" }));
        break;
      case "wake":
        this.#cancelRest();
        break;
      case "ask":
        void this.#ask().then((end) => this.#on({ kind: "told", end }));
        break;
      case "use":
        this.#use(action.as);
        break;
      case "retire":
        if (this.#current !== undefined) {
          this.#retired.add(this.#current);
        }
        break;
      case "release":
        void this.#current?.close();
        this.#current = undefined;
        break;
      case "hold":
        this.#front.hold(action.reason);
        break;
      case "tell-lost":
        output.event("RECONNECTING", `${action.message}; looking for the way again`, { message: action.message });
        break;
      case "tell-moving":
        output.event("MOVING", action.message, { message: action.message });
        break;
      case "tell-trying":
        this.#tellTrying(action.message);
        break;
      case "finish":
        this.#isOver = true;
        this.#finished.resolve(action.outcome);
        break;
      default:
        assertNever(action);
    }
  }

  #tellTrying(message: string): void {
    const text = `${message}; trying again`;
    if (this.#world.output.format === "json") {
      this.#world.output.event("RETRYING", text, { message });
    } else {
      this.#world.output.note(text);
    }
  }

  #dial(): void {
    const { connect: dial = connect, onWarning } = this.#options;
    const how = defined({ known: this.#known, onWarning });
    const dialing = dial(this.#session, this.#grant.grantID, this.#world, how);
    void dialing.then(
      (connection) => {
        if (this.#isOver) {
          void connection.close();
          return;
        }
        this.#fresh = connection;
        this.#on({ kind: "connected", expiryMs: Date.parse(connection.info.expiryTime) });
      },
      (error: unknown) => {
        this.#failure = coerceError(error);
        const message = sentenceOf(this.#failure);
        // What is no error for people is a defect: it does not pass, and its own text is the best there is.
        const code = this.#failure instanceof UserError ? this.#failure.code : "ProxyRefused";
        this.#on({ kind: "dial-failed", failure: { code, message } });
      },
    );
  }

  #use(as: "first" | "again" | "successor"): void {
    const connection = this.#fresh;
    if (connection === undefined) {
      return;
    }
    this.#fresh = undefined;
    this.#current = connection;
    this.#known = connection.info;
    const whileCurrent = (event: WayEvent): void => {
      if (this.#current === connection) {
        this.#on(event);
      }
    };
    void connection.ended.then((ending: Ending) => whileCurrent({ kind: "lost", ...ending }));
    void connection.draining.then((message) => whileCurrent({ kind: "draining", message }));
    this.#front.open(connection.tunnel);
    const { port } = this.#front;
    this.#options.onInfo?.(connection.info);
    if (as === "first") {
      this.#options.onReady?.(connection.info);
    } else if (as === "again") {
      this.#world.output.event("RECONNECTED", "The database can be used again", { port });
    } else {
      this.#world.output.event("MOVED", "New connections go to the new proxy", { port });
    }
  }

  /** The reason of the grant's end, where the control API knows of one. Without its word the last failure stands. */
  async #ask(): Promise<string | undefined> {
    const { clock, signal } = this.#world;
    await pause(clock, reasonWaitMs, signal).catch(() => {});
    const fallback = this.#failure?.message ?? "this access has ended";
    try {
      const now = await this.#session.control.get<GrantView>(`/v1/grants/${this.#grant.grantID}`, { signal });
      return now.state === "Active" ? undefined : (now.endReason ?? fallback);
    } catch (error) {
      return error instanceof ControlFailure && overCodes.has(error.code) ? fallback : undefined;
    }
  }
}

function sentenceOf(error: Error): string {
  return error instanceof UserError && error.why !== "" ? `${error.message}: ${error.why}` : error.message;
}

/** Ways that are left: each is closed once the last database connection through it has ended, or it is over by itself. */
class Retired {
  readonly #connections = new Set<Connection>();

  add(connection: Connection): void {
    this.#connections.add(connection);
    void Promise.race([connection.idle(), connection.ended]).then(async () => {
      await connection.close();
      this.#connections.delete(connection);
    });
  }

  async close(): Promise<void> {
    await Promise.all([...this.#connections].map((connection) => connection.close()));
  }
}
