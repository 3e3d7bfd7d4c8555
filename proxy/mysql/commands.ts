import { heldMessageBytesMax, smallCommandBytesMax } from "./limits.ts";
import { command } from "./protocol.ts";

/** Words of the protocol for commands, by number (MySQL "my_command.h", MariaDB "Client/Server Protocol"). */
const names: Readonly<Record<number, string>> = {
  0x00: "COM_SLEEP",
  0x02: "COM_INIT_DB",
  0x03: "COM_QUERY",
  0x04: "COM_FIELD_LIST",
  0x05: "COM_CREATE_DB",
  0x06: "COM_DROP_DB",
  0x07: "COM_REFRESH",
  0x08: "COM_SHUTDOWN",
  0x09: "COM_STATISTICS",
  0x0a: "COM_PROCESS_INFO",
  0x0b: "COM_CONNECT",
  0x0c: "COM_PROCESS_KILL",
  0x0d: "COM_DEBUG",
  0x0e: "COM_PING",
  0x0f: "COM_TIME",
  0x10: "COM_DELAYED_INSERT",
  0x11: "COM_CHANGE_USER",
  0x12: "COM_BINLOG_DUMP",
  0x13: "COM_TABLE_DUMP",
  0x14: "COM_CONNECT_OUT",
  0x15: "COM_REGISTER_SLAVE",
  0x16: "COM_STMT_PREPARE",
  0x17: "COM_STMT_EXECUTE",
  0x1a: "COM_STMT_RESET",
  0x1b: "COM_SET_OPTION",
  0x1c: "COM_STMT_FETCH",
  0x1d: "COM_DAEMON",
  0x1e: "COM_BINLOG_DUMP_GTID",
  0x1f: "COM_RESET_CONNECTION",
  0x20: "COM_CLONE",
  0x21: "COM_SUBSCRIBE_GROUP_REPLICATION_STREAM",
  0xfa: "COM_STMT_BULK_EXECUTE",
  0xfe: "COM_MULTI",
};

/** What a record calls a command. */
export function commandName(number: number): string {
  return names[number] ?? `COM_0x${number.toString(16).padStart(2, "0")}`;
}

/**
 * How many bytes of a command are held; −1 for one that is not served. Commands that are not: COM_CHANGE_USER, which would make the
 * session another one's; replication and cloning, whose streams are outside of SQL; what servers have given up; and unknown ones.
 */
export function heldBytesOf(number: number): number {
  switch (number) {
    case command.query:
    case command.prepare:
    case command.execute:
    case command.bulkExecute:
    case command.sendLongData:
      return heldMessageBytesMax;
    case command.quit:
    case command.initDB:
    case command.fieldList:
    case command.refresh:
    case command.statistics:
    case command.processInfo:
    case command.processKill:
    case command.debug:
    case command.ping:
    case command.closeStatement:
    case command.resetStatement:
    case command.setOption:
    case command.fetch:
    case command.resetConnection:
      return smallCommandBytesMax;
    default:
      return -1;
  }
}
