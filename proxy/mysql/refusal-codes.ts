/** Error numbers of answers to single commands. Source: MySQL 8.4 Error Message Reference. */
export const refusalCodes = {
  /** ER_NOT_ALLOWED_COMMAND: what servers say where LOAD DATA LOCAL is off. */
  notAllowed: { errno: 1148, sqlState: "42000" },
  /** ER_WRONG_ARGUMENTS: values that fit no parameters. */
  wrongArguments: { errno: 1210, sqlState: "HY000" },
  /** ER_UNKNOWN_STMT_HANDLER. */
  unknownStatement: { errno: 1243, sqlState: "HY000" },
  /** ER_MAX_PREPARED_STMT_COUNT_REACHED. */
  tooManyStatements: { errno: 1461, sqlState: "42000" },
} as const;
