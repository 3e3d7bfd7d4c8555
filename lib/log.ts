import { pino } from "pino";
import { printableJSON } from "./unprintable.ts";

/** Values that a log line carries. Secrets redact themselves; never pass a raw one. */
export type LogFields = Readonly<Record<string, unknown>>;

/**
 * Structured log. The message is a constant sentence without values; values are fields, so that lines can be searched.
 */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A log whose every line carries `fields` too. */
  with(fields: LogFields): Log;
}

/** Levels, from most to least. */
export const logLevels = ["debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

/** Takes lines of text, each with its line end. */
export interface LineSink {
  write(line: string): void;
}

/**
 * JSON lines with `level` (in words), `time` (RFC 3339, UTC), `message` and the fields, on standard error (file descriptor 2) unless
 * another sink is given.
 */
export function jsonLog(level: LogLevel, fields: LogFields = {}, sink?: LineSink): Log {
  const logger = pino(
    {
      level,
      base: fields,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      messageKey: "message",
      formatters: { level: (label) => ({ level: label }) },
      // People read logs on terminals, and names and errors in them come from elsewhere.
      hooks: { streamWrite: printableJSON },
    },
    sink ?? pino.destination({ fd: 2, sync: true }),
  );
  return wrap(logger);
}

/** Drops everything. */
export const silentLog: Log = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  with: () => silentLog,
};

function wrap(logger: pino.Logger): Log {
  const at =
    (level: "debug" | "info" | "warn" | "error") =>
    (message: string, fields: LogFields = {}): void => {
      logger[level](plainErrors(fields), message);
    };
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    with: (fields) => wrap(logger.child(fields)),
  };
}

/** Error objects carry request details in some libraries; only name and message are logged. */
function plainErrors(fields: LogFields): LogFields {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [
      key,
      value instanceof Error ? { name: value.name, message: value.message } : value,
    ]),
  );
}
