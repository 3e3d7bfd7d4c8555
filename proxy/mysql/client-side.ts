import { CommandIntake, type Asked } from "./command-intake.ts";
import { commandName, heldBytesOf } from "./commands.ts";
import type { SessionEffect } from "./effects.ts";
import { FieldReader } from "./fields.ts";
import type { KillStatement, WrittenKill } from "./kill.ts";
import { heldMessageBytesMax, preparedBytesMax } from "./limits.ts";
import { verdict, type Verdict } from "./packets.ts";
import { noBindings, readAttributes, readBindings, readBulkBindings, type Bindings } from "./parameters.ts";
import type { Prepared } from "./prepared.ts";
import { command, fullPacketBytes, lastPreparedID } from "./protocol.ts";
import { answer, type Answer } from "./queue.ts";
import { readText } from "./statements.ts";
import { refusalCodes } from "./refusal-codes.ts";
import { errors, MySqlViolation } from "./violation.ts";

export type { TrackerHooks, TrackerSink } from "./statement-log.ts";

/** Of commands that change how later texts are read in a way that only their success tells. */
const someEffect: readonly SessionEffect[] = [{ statement: 0 }];
const noKills: readonly KillStatement[] = [];
/** COM_STMT_EXECUTE's flags: kinds of cursors, and PARAMETER_COUNT_AVAILABLE. */
const executeFlag = { cursors: 0x07, counted: 0x08 } as const;

/** The client's half of the tracker: reads its commands strictly and queues what the server will answer. */
export class ClientSide extends CommandIntake {
  /** The client took its leave. */
  hasQuit = false;

  /** A command begins: see `PacketHandler.begin`. */
  clientBegins(first: number, sequence: number): number {
    if (sequence !== 0) {
      throw new MySqlViolation("packets are out of order", errors.packetOrder);
    }
    this.command = first;
    return Math.max(0, heldBytesOf(first));
  }

  /** A whole command: see `PacketHandler.end`. Throws `MySqlViolation` only where the stream cannot be trusted any more. */
  clientEnds(body: Buffer, bytes: number, sequence: number): Verdict {
    this.sequence = (sequence + 1) & 0xff;
    this.bytes = bytes + 4 * (1 + Math.floor(bytes / fullPacketBytes));
    const held = heldBytesOf(this.command);
    if (held < 0) {
      const name = this.command < 0 ? "an empty command" : commandName(this.command);
      return this.refuseCommand({ code: errors.unknownCommand, message: `${name} is not available here` });
    }
    if (bytes > body.length) {
      return this.#refuseTooLarge(body, held);
    }
    if (this.pendingEffects > 0 && readsText(this.command)) {
      // How it is read depends on what a statement before it has done.
      return verdict.stop;
    }
    try {
      return this.#read(body);
    } catch (error) {
      if (error instanceof MySqlViolation && !this.#isAnswered) {
        return verdict.drop;
      }
      if (error instanceof MySqlViolation) {
        // The packet's bounds are known, so the stream stays in step without it.
        return this.refuseCommand({ code: error, message: error.message });
      }
      throw error;
    }
  }

  /** Commands without an answer: an error to one would be taken for the answer to the next. */
  get #isAnswered(): boolean {
    return this.command !== command.closeStatement && this.command !== command.sendLongData;
  }

  #read(body: Buffer): Verdict {
    const reader = new FieldReader(body);
    reader.int(1);
    switch (this.command) {
      case command.query:
        return this.#query(reader);
      case command.execute:
        return this.#execute(reader, false);
      case command.prepare:
        return this.#prepare(reader);
      case command.bulkExecute:
        return this.#execute(reader, true);
      case command.sendLongData:
        return this.#sendLongData(reader);
      case command.closeStatement:
        return this.#closeStatement(reader);
      case command.resetStatement:
        return this.#resetStatement(reader);
      case command.fetch:
        return this.#fetch(reader);
      case command.quit:
        this.hasQuit = true;
        return verdict.pass;
      case command.ping:
        // Nothing is asked of the database, and pools send it all the time: not on record.
        endOf(reader);
        this.expectUnrecorded();
        return verdict.pass;
      default:
        return this.#plain(reader);
    }
  }

  /** Commands that carry a name, a number or nothing. */
  #plain(reader: FieldReader): Verdict {
    switch (this.command) {
      case command.initDB: {
        const name = Buffer.from(reader.bytes(reader.left));
        return this.#askPlain(answer.status, name, { effects: [{ statement: 0, database: name }] });
      }
      case command.fieldList: {
        const table = Buffer.from(reader.untilNul());
        const wildcard = reader.bytes(reader.left);
        return this.#askPlain(answer.fields, Buffer.concat([table, Buffer.from(" "), wildcard]));
      }
      case command.processKill: {
        const thread = reader.int(4);
        endOf(reader);
        return this.#askPlain(answer.status, Buffer.from(String(thread)), { kills: [{ scope: "connection", thread }] });
      }
      case command.setOption: {
        const option = reader.int(2);
        endOf(reader);
        const more = { success: { kind: "multi-statements", isOn: option === 0 } } as const;
        return this.#askPlain(answer.status, Buffer.from(String(option)), { effects: someEffect, more });
      }
      case command.refresh: {
        const options = reader.int(1);
        endOf(reader);
        return this.#askPlain(answer.status, Buffer.from(String(options)));
      }
      case command.resetConnection:
        endOf(reader);
        return this.#askPlain(answer.status, undefined, { effects: someEffect, more: { success: { kind: "reset" } } });
      case command.statistics:
        endOf(reader);
        return this.#askPlain(answer.text, undefined);
      case command.processInfo:
        endOf(reader);
        return this.#askPlain(answer.results, undefined);
      default:
        endOf(reader);
        return this.#askPlain(answer.status, undefined);
    }
  }

  #query(reader: FieldReader): Verdict {
    const attributes = this.agreed.hasAttributes ? readAttributes(reader, this.session.charset) : [];
    const sql = reader.bytes(reader.left);
    const { spans, kills, effects } = readText(sql, this.session, this.session.isMulti);
    return this.ask({
      answer: answer.results,
      start:
        attributes.length === 0 ? { protocol: "simple", sql, spans } : { protocol: "simple", sql, spans, attributes },
      kills: kills.length === 0 ? noKills : kills.map((kill) => boundKill(kill, undefined)),
      effects,
    });
  }

  #prepare(reader: FieldReader): Verdict {
    const text = reader.bytes(reader.left);
    if (!this.prepared.hasRoom(text.length)) {
      const message = `too many prepared statements to be kept in one session (${this.prepared.size}; texts of at most ${preparedBytesMax} bytes)`;
      throw new MySqlViolation(message, refusalCodes.tooManyStatements);
    }
    const sql = Buffer.from(text);
    const { kills, effects } = readText(sql, this.session, false);
    const [kill] = kills;
    const decided = this.ask({
      answer: answer.prepare,
      start: { protocol: "extended", sql, spans: ["one"], notices: ["prepared"] },
      more: {
        preparing: {
          sql,
          kill: kills.length > 1 ? { scope: "connection", thread: undefined } : kill,
          effects,
          types: undefined,
          longData: undefined,
          longBytes: 0,
          fault: undefined,
          cursor: undefined,
        },
      },
    });
    if (decided === verdict.pass) {
      this.preparing += 1;
    }
    return decided;
  }

  #execute(reader: FieldReader, isBulk: boolean): Verdict {
    const statement = this.#find(reader);
    if (statement === undefined) {
      return verdict.stop;
    }
    const { values, types, attributes, sent, hasCursor } = this.#bindings(reader, statement, isBulk);
    this.bytes += statement.longBytes;
    const [value] = values;
    const decided = this.ask({
      answer: answer.results,
      start: {
        protocol: "extended",
        sql: statement.sql,
        spans: ["one"],
        statementName: String(statement.id),
        ...(values.length === 0 ? {} : { parameters: values, types }),
        ...(attributes.length === 0 ? {} : { attributes }),
        ...(isBulk ? { notices: ["bulk"] } : {}),
      },
      kills:
        statement.kill === undefined ? [] : [boundKill(statement.kill, values.length === 1 ? value?.bytes : undefined)],
      effects: statement.effects,
      more: { statement },
    });
    if (decided === verdict.pass) {
      statement.cursor = hasCursor ? this.lastNumber : undefined;
      // Only what the server sees changes what it remembers.
      statement.types = sent ?? statement.types;
      this.prepared.resetLongData(statement);
    }
    return decided;
  }

  #bindings(reader: FieldReader, statement: Prepared, isBulk: boolean): Bindings & { readonly hasCursor: boolean } {
    const { fault } = statement;
    if (fault !== undefined) {
      this.prepared.resetLongData(statement);
      throw new MySqlViolation(fault.message, fault.code);
    }
    const { charset } = this.session;
    if (isBulk) {
      if (!this.agreed.hasBulk) {
        throw new MySqlViolation("bulk execution was not agreed on", errors.unknownCommand);
      }
      return { ...readBulkBindings(reader, statement, charset), hasCursor: false };
    }
    const flags = reader.int(1);
    reader.int(4);
    if ((flags & ~(executeFlag.cursors | executeFlag.counted)) !== 0) {
      throw new MySqlViolation("wrong arguments: flags of an execution", refusalCodes.wrongArguments);
    }
    const isCounted = (flags & executeFlag.counted) !== 0;
    const { hasAttributes } = this.agreed;
    const hasCursor = (flags & executeFlag.cursors) !== 0;
    const bindings =
      reader.left === 0 && statement.parameters === 0
        ? noBindings
        : readBindings(reader, statement, isCounted, { hasAttributes, charset });
    return { ...bindings, hasCursor };
  }

  #sendLongData(reader: FieldReader): Verdict {
    const statement = this.#find(reader, true);
    if (statement === undefined) {
      return this.#unanswered();
    }
    const parameter = reader.int(2);
    return this.prepared.addLongData(statement, parameter, reader.bytes(reader.left)) ? verdict.pass : verdict.drop;
  }

  #closeStatement(reader: FieldReader): Verdict {
    const statement = this.#find(reader, true);
    if (statement === undefined) {
      return this.#unanswered();
    }
    endOf(reader);
    this.prepared.remove(statement.id);
    return verdict.pass;
  }

  #resetStatement(reader: FieldReader): Verdict {
    const statement = this.#find(reader);
    if (statement === undefined) {
      return verdict.stop;
    }
    endOf(reader);
    this.prepared.resetLongData(statement);
    statement.cursor = undefined;
    this.expectUnrecorded();
    return verdict.pass;
  }

  #fetch(reader: FieldReader): Verdict {
    const statement = this.#find(reader);
    if (statement === undefined) {
      return verdict.stop;
    }
    const rowLimit = reader.int(4);
    endOf(reader);
    return this.ask({
      answer: answer.fetch,
      start: {
        protocol: "extended",
        sql: statement.sql,
        spans: ["one"],
        statementName: String(statement.id),
        rowLimit,
        ...(statement.cursor === undefined ? {} : { continues: statement.cursor }),
      },
      more: { statement },
    });
  }

  /**
   * The statement that a command names. Undefined when nobody can tell before an answer that is on its way; throws when there is none.
   * `isSilent`: the command is never answered, so nothing is thrown.
   */
  #find(reader: FieldReader, isSilent = false): Prepared | undefined {
    const id = reader.int(4);
    const mayBeLater = this.preparing > 0;
    // Only MariaDB knows a number for the statement prepared last.
    const isKnown = id !== lastPreparedID || (this.agreed.isMariaDB && !mayBeLater);
    const statement = isKnown ? this.prepared.find(id) : undefined;
    if (statement === undefined && !mayBeLater && !isSilent) {
      throw new MySqlViolation(`unknown prepared statement handler (${id})`, refusalCodes.unknownStatement);
    }
    return statement;
  }

  #unanswered(): Verdict {
    return this.preparing > 0 ? verdict.stop : verdict.drop;
  }

  #askPlain(
    how: Answer,
    argument: Buffer | undefined,
    others: Pick<Asked, "kills" | "effects" | "more"> = {},
  ): Verdict {
    const name = commandName(this.command);
    const sql = argument === undefined ? Buffer.from(name) : Buffer.concat([Buffer.from(`${name} `), argument]);
    return this.ask({ answer: how, start: { protocol: "command", sql, spans: ["one"] }, ...others });
  }

  #refuseTooLarge(body: Buffer, held: number): Verdict {
    const message = `a message of more than ${held} bytes is too large to be recorded, so it was not sent to the database`;
    if (this.#isAnswered) {
      return this.refuseCommand({ code: errors.packetTooLarge, message });
    }
    if (this.command === command.closeStatement) {
      return verdict.drop;
    }
    const reader = new FieldReader(body);
    reader.int(1);
    const statement = this.#find(reader, true);
    if (statement === undefined) {
      return verdict.drop;
    }
    statement.fault = { code: errors.packetTooLarge, message: `${message} (${heldMessageBytesMax})` };
    return verdict.drop;
  }
}

/** The thread that a prepared KILL means, now that its value is bound. */
function boundKill({ scope, thread }: WrittenKill, bound: Buffer | null | undefined): KillStatement {
  if (thread !== "parameter") {
    return { scope, thread };
  }
  const text = bound?.toString("latin1") ?? "";
  return { scope, thread: /^\d{1,20}$/.test(text) ? Number(text) : undefined };
}

function readsText(number: number): boolean {
  return (
    number === command.query ||
    number === command.prepare ||
    number === command.execute ||
    number === command.bulkExecute
  );
}

function endOf(reader: FieldReader): void {
  if (reader.left > 0) {
    throw new MySqlViolation("malformed packet: bytes follow the end of the command");
  }
}
