import type { StoreEngine } from "./engine.ts";

/** Methods of the engine that the main thread may call. */
export type StoreMethod = Exclude<keyof StoreEngine, "close">;

/** Main thread to worker. */
export type StoreRequest =
  | { readonly id: number; readonly method: StoreMethod; readonly args: readonly unknown[] }
  | { readonly id: number; readonly method: "close"; readonly args: readonly [] };

/** Worker to main thread. */
export type StoreResponse =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: { readonly name: string; readonly message: string } };
