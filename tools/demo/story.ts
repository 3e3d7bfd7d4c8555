import type { Screen } from "./screen.ts";

/** A step that hangs is a failure; the slowest honest one (starting everything) takes seconds. */
const stepSecondsMax = 60;

/** Runs steps one after the other, shows each, and stops at the first that fails. */
export class Story {
  readonly #screen: Screen;
  readonly #proofs: [string, string][] = [];

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  /** Everything proved so far: what, and by which observation. */
  get proofs(): readonly (readonly [string, string])[] {
    return this.#proofs;
  }

  /** One step. Its result is handed on; a failure or a hang ends the story with its reason. */
  async step<T>(text: string, act: (tell: (text: string) => void) => Promise<T>): Promise<T> {
    this.#screen.progress(text);
    const startedMs = performance.now();
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`not done within ${stepSecondsMax} s`)), stepSecondsMax * 1_000);
    });
    try {
      const result = await Promise.race([act((told) => this.#screen.progress(told)), timeout]);
      this.#screen.done(text, (performance.now() - startedMs) / 1_000);
      return result;
    } catch (error) {
      this.#screen.failed(text, error instanceof Error ? error.message : String(error));
      throw new StepFailed(text, { cause: error });
    } finally {
      clearTimeout(timer);
    }
  }

  /** Notes something that was seen to be true. Throws when it was not. */
  prove(what: string, holds: boolean, observation: string): void {
    if (!holds) {
      throw new Error(`${what}: ${observation}`);
    }
    this.#proofs.push([what, observation]);
  }
}

/** A step failed and its reason has been shown. */
export class StepFailed extends Error {}
