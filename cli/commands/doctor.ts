import type { Command } from "../command.ts";

/** `sallyport doctor` */
export const doctor: Command = {
  name: "doctor",
  summary: "Check everything between you and your databases, and say what to fix; exit 0 no problem, 1 some",
  options: [],
  examples: [
    { run: "sallyport doctor", does: "API, certificate, clock, sign-in, Session Manager, ports, clients, console" },
    { run: "sallyport doctor -o json", does: "the same to attach to a ticket; it holds no secret" },
  ],
  run: async (invocation) => (await import("../doctor/doctor.ts")).runDoctor(invocation),
};
