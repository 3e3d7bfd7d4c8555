import { commandName } from "./commands.ts";
import type { SessionEffect } from "./effects.ts";
import type { Execution, ExecutionStart } from "./execution.ts";
import type { KillStatement } from "./kill.ts";
import { verdict, type Verdict } from "./packets.ts";
import { answer, type Answer, type Expectation, type Refusal } from "./queue.ts";
import { isBeyondRecord } from "./record-size.ts";
import { StatementLog } from "./statement-log.ts";
import { errors } from "./violation.ts";

/** What a command asks for, once it was read. */
export interface Asked {
  readonly answer: Answer;
  readonly start: ExecutionStart;
  readonly kills?: readonly KillStatement[];
  readonly effects?: readonly SessionEffect[];
  readonly more?: Partial<Expectation>;
}

/** Takes commands that were read: asks whether they may run, puts them on record, and queues what will be answered. */
export class CommandIntake extends StatementLog {
  /** Number of the command that is being read; −1 for an empty packet. */
  protected command = 0;
  /** Sequence number of its answer. */
  protected sequence = 1;
  /** Its bytes on the wire. */
  protected bytes = 0;

  protected ask({ answer: how, start: asked, kills = [], effects = [], more }: Asked): Verdict {
    if (isBeyondRecord(asked)) {
      const message = "the statement and its values are too large to be recorded, so it was not sent to the database";
      return this.refuseCommand({ code: errors.packetTooLarge, message });
    }
    const judged = this.hooks.judge?.(asked);
    const start = judged === undefined ? asked : { ...asked, notices: [...(asked.notices ?? []), ...judged.notices] };
    const refusal = judged?.refusal ?? this.#refusalOf(kills);
    if (refusal !== undefined) {
      return this.refuse(start, refusal);
    }
    const execution = this.start(start, this.bytes, effects, false);
    // One shape for all of them.
    this.expect({
      answer: how,
      execution,
      sequence: this.sequence,
      preparing: more?.preparing,
      statement: more?.statement,
      success: more?.success,
      refusal: undefined,
    });
    return verdict.pass;
  }

  #refusalOf(kills: readonly KillStatement[]): Refusal | undefined {
    for (const kill of kills) {
      const refusal = this.hooks.onKill?.(kill);
      if (refusal !== undefined) {
        return refusal;
      }
    }
    return undefined;
  }

  protected refuse(start: ExecutionStart, refusal: Refusal): Verdict {
    const notices = [...(start.notices ?? []), ...(refusal.notices ?? []), "refused"];
    const execution = this.start({ ...start, notices }, this.bytes, [], true);
    this.#expectPlain(answer.refused, execution, refusal);
    return verdict.drop;
  }

  /** A command that is not on record. */
  protected expectUnrecorded(): void {
    this.#expectPlain(answer.status, undefined, undefined);
  }

  #expectPlain(how: Answer, execution: Execution | undefined, refusal: Refusal | undefined): void {
    const { sequence } = this;
    this.expect({
      answer: how,
      execution,
      sequence,
      refusal,
      preparing: undefined,
      statement: undefined,
      success: undefined,
    });
  }

  /** What cannot be read, or is not served, is on record by the command's name only. */
  protected refuseCommand(refusal: Refusal): Verdict {
    const sql = Buffer.from(this.command < 0 ? "COM_SLEEP" : commandName(this.command));
    return this.refuse({ protocol: "command", sql, spans: ["one"] }, refusal);
  }
}
