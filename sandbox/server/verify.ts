import type { IncomingMessage } from "node:http";
import type { Context } from "../context.ts";
import { uuid } from "../ids.ts";
import type { Call, Service } from "../service.ts";
import { authenticate } from "./authenticate.ts";
import { headOf } from "./request.ts";

/** The service that signatures of data channels are scoped to. It has no operations of its own here. */
const ssmMessages: Service = {
  signingName: "ssmmessages",
  protocol: "rest-json",
  target: "",
  operations: {},
  mutating: [],
};

/**
 * Verifies the signature of a websocket upgrade, in its header or its query. Undefined when it carries none; throws as
 * `authenticate` does when it carries one that does not hold.
 */
export function upgradeVerifier({ state, clock, random }: Context): (message: IncomingMessage) => Call | undefined {
  return (message) => {
    const request = headOf(message);
    if (request.headers["authorization"] === undefined && !request.query.includes("X-Amz-Signature=")) {
      return undefined;
    }
    const caller = authenticate(request, ssmMessages, {
      find: (accessKeyID) => state.credentials.find(accessKeyID),
      now: clock.now(),
      regions: [state.region],
    });
    return { requestID: uuid(random), region: state.region, caller, headers: request.headers };
  };
}
