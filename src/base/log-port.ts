/**
 * Where the daemon tells what becomes of it.
 */

/** A logger in the manner of pino: a `pino()` is one. */
export interface MillraceLog {
  info(fields: object, message: string): void
  error(fields: object, message: string): void
}
