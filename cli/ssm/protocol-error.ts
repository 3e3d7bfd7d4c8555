/** The other end broke the protocol: bytes that no correct agent or service sends. Its message never quotes payload. */
export class ProtocolError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ProtocolError";
  }
}
