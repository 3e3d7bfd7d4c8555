/**
 * Which words of SQL are followed by a secret. All lower case; keywords of both dialects in one list, since a word that only
 * one of them knows does no harm in the other.
 */

/** Followed by a literal, with at most `=`, `:=`, `=>`, TO, AS or an opening bracket between: that literal is a secret. */
export const secretNames: ReadonlySet<string> = new Set([
  "password",
  "passwd",
  "pwd",
  "passphrase",
  "passcode",
  "old_password",
  "sslpassword",
  "master_password",
  "source_password",
  // Redshift COPY and UNLOAD, and the same names wherever else they are used.
  "credentials",
  "access_key_id",
  "secret_access_key",
  "session_token",
  "master_symmetric_key",
  "encryption_key",
  // MariaDB's S3 storage engine.
  "s3_access_key",
  "s3_secret_key",
  // MariaDB's Galera: user and password.
  "wsrep_sst_auth",
]);

/** Functions and procedures all of whose literals are taken as secrets: they take a password by position. */
export const secretFunctions: ReadonlySet<string> = new Set([
  // aws_commons of RDS for Postgres: access key, secret key, session token.
  "create_aws_credentials",
  // MySQL and MariaDB: data and key.
  "aes_encrypt",
  "aes_decrypt",
  "des_encrypt",
  "des_decrypt",
  "keyring_key_store",
  "validate_password_strength",
  // RDS for MySQL and MariaDB.
  "rds_set_external_master",
  "rds_set_external_source",
  "rds_set_external_master_with_delay",
  "rds_set_external_source_with_delay",
  "rds_set_external_master_with_auto_position",
  "rds_set_external_source_with_auto_position",
  "rds_set_external_master_with_gtid",
  "rds_set_external_source_with_gtid",
]);

/** Functions whose first argument only is a secret. */
export const secretFirstFunctions: ReadonlySet<string> = new Set([
  // MariaDB: key derivation from a password, with a salt.
  "kdf",
]);

/** Options of a user mapping that are no secret; every other one is taken as one. */
export const plainMappingOptions: ReadonlySet<string> = new Set([
  "user",
  "username",
  "password_required",
  "sslcert",
  "use_remote_estimate",
]);

/** Names of options (servers, foreign data wrappers, foreign tables) whose value is taken as a secret. */
export const secretOption = /pass|pwd|secret|token|credential|key/i;

/**
 * A quick look that no statement with a secret escapes: every rule needs one of these. What has none of them is not even
 * split into tokens. Lower case, ASCII, none inside another.
 */
export const triggerWords = [
  "passw",
  "pwd",
  "passphrase",
  "passcode",
  "identified",
  "credential",
  "secret",
  "session_token",
  "access_key",
  "symmetric_key",
  "encryption_key",
  "://",
  "mapping",
  "options",
  "rds_set_external",
  "keyring_key",
  "wsrep_sst_auth",
  "aes_encrypt",
  "aes_decrypt",
  "des_encrypt",
  "des_decrypt",
  "kdf",
  // EXECUTE IMMEDIATE and PREPARE run text, in which a word may be cut or escaped.
  "immediate",
  "prepare",
] as const;
export const trigger = new RegExp(triggerWords.join("|"), "i");
