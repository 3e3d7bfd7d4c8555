import type { StoreEngine } from "./engine.ts";

/** How an engine is opened. */
export interface EngineOptions {
  readonly path: string;
  /** `write` makes and migrates the file; `read` needs it to be there. */
  readonly mode: "write" | "read";
}

/** Methods of the engine that the main thread may call. */
export type StoreMethod = Exclude<keyof StoreEngine, "close">;

/** Main thread to worker. */
export interface StoreRequest {
  readonly id: number;
  readonly method: StoreMethod | "close";
  readonly args: readonly unknown[];
}

/** An error as it travels between threads. */
export interface PlainError {
  readonly name: string;
  readonly message: string;
  /** What more a `UserError` says. */
  readonly user?: { readonly code: string; readonly why: string; readonly next: string };
}

/** Worker to main thread. `opening`: the engine could not be opened, and the worker ends. */
export type StoreResponse =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: PlainError }
  | { readonly id: "opening"; readonly error: PlainError };
