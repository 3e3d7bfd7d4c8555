/**
 * Largest message that is held in memory until it is recorded: COM_QUERY, COM_STMT_PREPARE, COM_STMT_EXECUTE and what long data adds to
 * it. No audit record is larger than 15 MiB; a larger message could not be recorded, and is refused as one beyond max_allowed_packet is.
 */
export const heldMessageBytesMax = 15 * 1024 * 1024;
/** Any other command: names of at most 64 characters (MySQL "Identifier Length Limits") and numbers. */
export const smallCommandBytesMax = 4_096;
/** Of a server's error message so much is kept for the record; servers write at most 512 bytes (MYSQL_ERRMSG_SIZE). */
export const errorBytesKept = 4_096;
/** An OK packet with its session state: values of system variables. */
export const okBytesMax = 1024 * 1024;
/** Texts of prepared statements in one session, together; the server's own bound is on their number only (max_prepared_stmt_count). */
export const preparedBytesMax = 64 * 1024 * 1024;
/** Prepared statements in one session: the server's default for all sessions together (max_prepared_stmt_count). */
export const preparedMax = 16_382;
/**
 * Commands that may wait for answers before the client has to wait too. Drivers send one or two ahead; each costs some hundred bytes.
 */
export const pipelineDepthMax = 1_024;
/** Values of one bulk execution on record: each is an object in memory. */
export const boundValuesMax = 1_000_000;
