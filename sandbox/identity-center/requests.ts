import type { CancelTimer, Clock, EpochMs } from "#lib/clock.ts";
import { asNow, type EventLog } from "../events.ts";
import { type Random, uuid } from "../ids.ts";
import { AwsError } from "../service.ts";

/** The three kinds of work that Identity Center does after it has answered. */
export type AsyncKind = "creation" | "deletion" | "provisioning";

/** One piece of work, as Describe…Status shows it. */
export interface AsyncRequest {
  readonly requestID: string;
  readonly kind: AsyncKind;
  status: "IN_PROGRESS" | "SUCCEEDED" | "FAILED";
  failureReason: string | undefined;
  readonly createdAt: EpochMs;
  /** Accounts whose role is being written. Only one request may work on an account at a time. */
  readonly accountIDs: readonly string[];
  readonly permissionSetARN: string;
  /** Assignments only. */
  readonly principal: { readonly type: "USER" | "GROUP"; readonly id: string } | undefined;
}

/** All work, in progress and done. */
export interface RequestBook {
  /**
   * Begins work that takes effect when the delay is over. Throws `ConflictException` while other work goes on in one of the
   * accounts ("IAM roles in an account that can be updated at a time: 1", Identity Center quotas).
   */
  start(
    work: Pick<AsyncRequest, "kind" | "accountIDs" | "permissionSetARN" | "principal">,
    effect: () => void,
  ): AsyncRequest;
  /** Throws `ResourceNotFoundException`. */
  get(kind: AsyncKind, requestID: string): AsyncRequest;
  /** Newest first. */
  list(kind: AsyncKind, status: string | undefined): AsyncRequest[];
  /** Whether work on a permission set goes on. */
  isBusy(permissionSetARN: string): boolean;
  /** Cancels what has not taken effect. */
  stop(): void;
}

/** What the book needs from outside. */
export interface RequestBookParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly delayMs: number;
  readonly failure: (request: AsyncRequest) => string | undefined;
  readonly events: EventLog;
}

/** How many requests are remembered. AWS forgets a status after some days; 10,000 is days of what a test or a demo asks for. */
export const requestsKeptMax = 10_000;

/** Starts an empty book. */
export function createRequestBook(parts: RequestBookParts): RequestBook {
  const requests = new Map<string, AsyncRequest>();
  const timers = new Set<CancelTimer>();
  const inProgress = new Set<AsyncRequest>();
  return {
    start(work, effect) {
      if ([...inProgress].some((one) => one.accountIDs.some((accountID) => work.accountIDs.includes(accountID)))) {
        throw new AwsError(
          "ConflictException",
          "Another operation is in progress in this account. Try again when it has ended.",
        );
      }
      const request: AsyncRequest = {
        ...work,
        requestID: uuid(parts.random),
        status: "IN_PROGRESS",
        failureReason: undefined,
        createdAt: parts.clock.now(),
      };
      requests.set(request.requestID, request);
      inProgress.add(request);
      forgetOldest(requests);
      parts.events.record({ kind: "operation-started", operation: { ...request } });
      const end = asNow(() => {
        finish(request, effect, parts.failure);
        const { failureReason } = request;
        parts.events.record({ kind: "operation-ended", operation: { ...request }, failureReason });
      });
      const cancel = parts.clock.after(parts.delayMs, () => {
        timers.delete(cancel);
        inProgress.delete(request);
        end();
      });
      timers.add(cancel);
      return { ...request };
    },
    get(kind, requestID) {
      const request = requests.get(requestID);
      if (request?.kind !== kind) {
        throw new AwsError("ResourceNotFoundException", `Request ${requestID} was not found.`);
      }
      return request;
    },
    list: (kind, status) =>
      [...requests.values()]
        .filter((one) => one.kind === kind && (status === undefined || one.status === status))
        .reverse(),
    isBusy: (permissionSetARN) => [...inProgress].some((one) => one.permissionSetARN === permissionSetARN),
    stop() {
      for (const cancel of timers) {
        cancel();
      }
      timers.clear();
    },
  };
}

function finish(request: AsyncRequest, effect: () => void, failure: RequestBookParts["failure"]): void {
  request.failureReason = failure(request);
  if (request.failureReason === undefined) {
    try {
      effect();
    } catch (error) {
      request.failureReason = error instanceof Error ? error.message : String(error);
    }
  }
  request.status = request.failureReason === undefined ? "SUCCEEDED" : "FAILED";
}

function forgetOldest(requests: Map<string, AsyncRequest>): void {
  for (const [requestID, request] of requests) {
    if (requests.size <= requestsKeptMax) {
      return;
    }
    if (request.status !== "IN_PROGRESS") {
      requests.delete(requestID);
    }
  }
}
