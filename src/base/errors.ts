/**
 * The one error class and the one table of codes.
 *
 * A row says who is at fault (`domain`), whether trying again can help (`retry`), the HTTP status
 * and the WebSocket close code that carry it, and the sentence a person reads. Clients decide by
 * code, `domain` and `retry`; nothing decides by `instanceof`. `docs/reference/errors.md` is
 * compared with this table by a test, in both directions.
 */

/** Who can do something about the error. */
export type ErrorDomain = 'user' | 'external' | 'internal'

/** Whether the same request may succeed later. */
export type ErrorRetry = 'never' | 'backoff'

interface ErrorRow {
  readonly domain: ErrorDomain
  readonly retry: ErrorRetry
  /** HTTP status. */
  readonly http: number
  /** WebSocket close code, or null where the connection stays open. */
  readonly close: number | null
  /** Sentence with `{placeholders}` filled from the details. */
  readonly message: string
}

function row(
  domain: ErrorDomain,
  retry: ErrorRetry,
  http: number,
  close: number | null,
  message: string,
): ErrorRow {
  return { domain, retry, http, close, message }
}

export const errorTable = {
  // Definitions: raised while a features file is loaded.
  DEFINITION_INVALID: row('user', 'never', 400, null, '{path}: {reason}'),
  DEFINITION_LOAD: row('user', 'never', 400, null, 'cannot load {file}: {reason}'),
  DEFINITION_CHANGED: row(
    'user',
    'never',
    409,
    null,
    '{kind} "{name}" differs from the one this store was built with ({reason}); ' +
      'restore the old definition, or give the new one a name of its own and drop the old one',
  ),
  DEFINITION_MISSING: row(
    'user',
    'never',
    409,
    null,
    '{kind} "{name}" is in this store and not in the definitions; ' +
      'restore it, or start once with --drop-missing to give up what it has counted',
  ),
  CONFIG_INVALID: row('user', 'never', 400, null, '{path}: {reason}'),

  // Files: raised by what reads or writes them.
  BATCH_COLUMNS: row(
    'user',
    'never',
    400,
    null,
    'the batch source of "{source}" does not fit: {reason}',
  ),
  BATCH_FILE: row('user', 'never', 400, null, 'batch source of "{source}": {file}: {reason}'),
  BATCH_MISSING: row('user', 'never', 400, null, 'source "{source}" has no batch source'),
  SPINE_INVALID: row('user', 'never', 400, null, 'the spine {file} cannot be used: {reason}'),
  BATCH_ROW: row('user', 'never', 400, null, 'the line is no row: {reason}'),
  BATCH_CHANGED: row(
    'user',
    'never',
    409,
    null,
    'the batch source of "{source}" has changed among the {rows} rows that are counted; ' +
      'put them back, or give the views new names to count them afresh',
  ),
  QUERY_FAILED: row('user', 'never', 400, null, 'DuckDB refuses: {reason}'),

  // Events: each rejects one event and leaves the others of its batch alone.
  EVENT_DECODE: row('user', 'never', 400, null, 'not a valid event: {reason}'),
  EVENT_TOO_LARGE: row('user', 'never', 413, null, 'event of {size} bytes exceeds {max}'),
  EVENT_FIELD_MISSING: row('user', 'never', 400, null, 'required field is missing'),
  EVENT_FIELD_UNKNOWN: row('user', 'never', 400, null, 'field is not in the schema'),
  EVENT_FIELD_TYPE: row('user', 'never', 400, null, 'expected {expected}, got {actual}'),
  EVENT_FIELD_RANGE: row('user', 'never', 400, null, 'value is outside the range of {expected}'),
  EVENT_KEY: row('user', 'never', 400, null, 'not usable as an entity key: {reason}'),
  EVENT_ID: row('user', 'never', 400, null, 'not usable as an event id: {reason}'),
  EVENT_TIME: row('user', 'never', 400, null, 'not a valid event time: {reason}'),
  EVENT_IN_FUTURE: row(
    'user',
    'never',
    400,
    null,
    'event time is {aheadMs} ms ahead of the server',
  ),
  EVENT_AHEAD: row(
    'user',
    'backoff',
    503,
    null,
    'event time is {aheadMs} ms ahead of the server, where {max} rows wait for their time already',
  ),
  EVENT_TOO_LATE: row('user', 'never', 400, null, 'event time is before every window of {views}'),
  EVENT_BEFORE_STREAM: row(
    'user',
    'never',
    400,
    null,
    'event time is before the stream of {views} begins: there, only the batch source counts',
  ),
  EVENT_CARDINALITY: row(
    'user',
    'backoff',
    429,
    null,
    'the key is new in {views}, where no more keys may be new today',
  ),
  POST_PROCESSOR_FAILED: row(
    'user',
    'never',
    400,
    null,
    'post-processor of "{source}" failed: {reason}',
  ),
  EVENT_POISON: row(
    'user',
    'never',
    400,
    null,
    'the event ends the thread that counts it, each time, and was left out',
  ),
  TRANSFORM_FAILED: row('user', 'never', 400, null, 'transform of "{view}" failed: {reason}'),

  // The ingest protocol.
  FRAME_INVALID: row('user', 'never', 400, 4400, 'frame cannot be understood: {reason}'),
  FRAME_TEXT: row('user', 'never', 400, 1003, 'text frames are not part of this subprotocol'),
  BATCH_TOO_LARGE: row('user', 'never', 413, 4413, 'batch of {count} events exceeds {max}'),
  SOURCE_UNKNOWN: row('user', 'never', 404, null, 'no push source is named "{source}"'),
  SEQUENCE_GAP: row('user', 'never', 409, null, 'sequence {got} follows {expected}'),
  SEQUENCE_GAP_PERSISTS: row('user', 'never', 409, 4410, 'sequence gap repeated {times} times'),
  SEQUENCE_RANGE: row('user', 'never', 400, 4400, 'sequence {got} is not an integer below 2^53'),
  SEQUENCE_REUSED: row(
    'user',
    'never',
    422,
    4422,
    'the events from sequence {sequence} on were taken before, and had other content',
  ),
  PRODUCER_FENCED: row('user', 'never', 409, 4409, 'producer "{producer}" has a newer session'),
  EPOCH_UNKNOWN: row(
    'user',
    'never',
    400,
    4400,
    'epoch {epoch} of producer "{producer}" was never given out by this server',
  ),
  PRODUCER_EXPIRED: row(
    'user',
    'never',
    410,
    null,
    'producer "{producer}" was not seen for so long that the server has forgotten it',
  ),
  PRODUCER_QUOTA: row('user', 'backoff', 429, 4429, 'the server knows {max} producers already'),
  HELLO_TIMEOUT: row('user', 'backoff', 408, 4408, 'no HELLO within {timeoutMs} ms'),
  MESSAGE_TIMEOUT: row(
    'user',
    'backoff',
    408,
    4408,
    'a message did not come whole within {timeoutMs} ms',
  ),
  CREDIT_EXCEEDED: row('user', 'backoff', 429, 4429, 'unacknowledged events exceed the credit'),
  SUBPROTOCOL: row('user', 'never', 400, null, 'offer the subprotocol {expected}'),
  UPGRADE_REQUIRED: row('user', 'never', 426, null, 'this path speaks WebSocket'),
  FORBIDDEN_ORIGIN: row('user', 'never', 403, null, 'origin is not allowed'),

  // Who asks.
  UNAUTHORIZED: row('user', 'never', 401, 4401, '{reason}'),
  FORBIDDEN: row('user', 'never', 403, 4403, 'the API key does not allow it: {reason}'),

  // Reads.
  FEATURES_UNKNOWN: row('user', 'never', 404, null, 'no feature service or view is named "{name}"'),
  KEY_INVALID: row('user', 'never', 400, null, 'join key "{key}": {reason}'),
  REQUEST_INVALID: row('user', 'never', 400, null, '{path}: {reason}'),
  REQUEST_DATA_INVALID: row('user', 'never', 400, null, 'request field "{field}": {reason}'),
  KEY_NOT_INDEXED: row(
    'user',
    'never',
    400,
    null,
    '"{name}" has no onlineServingIndex by which a part of a key is found',
  ),
  TOO_MANY_ROWS: row('user', 'never', 413, null, 'more than {max} keys are known for this query'),
  ANSWER_TOO_LARGE: row(
    'user',
    'never',
    413,
    null,
    'the values of this read exceed {max} bytes; ask for fewer keys at a time',
  ),
  TOO_MANY_KEYS: row('user', 'never', 413, null, 'read of {count} keys exceeds {max}'),
  VIEW_NOT_ONLINE: row('user', 'never', 404, null, 'view "{view}" is defined with online: false'),
  READ_TIMEOUT: row('external', 'backoff', 504, null, 'the read took longer than {ms} ms'),

  // Events over HTTP.
  JSON_INVALID: row('user', 'never', 400, null, 'not JSON at byte {offset}: {reason}'),
  IDEMPOTENCY_KEY_REUSED: row(
    'user',
    'never',
    422,
    null,
    'the idempotency key came before, with another request',
  ),
  OUTCOME_UNKNOWN: row(
    'external',
    'backoff',
    504,
    null,
    '{reason}: whether the events are counted is unknown',
  ),

  // HTTP, before a request means anything.
  HOST_UNKNOWN: row('user', 'never', 421, null, 'this server is not named "{host}"'),
  ROUTE_UNKNOWN: row('user', 'never', 404, null, 'nothing is served at {path}'),
  METHOD_UNKNOWN: row('user', 'never', 405, null, '{path} answers {allowed}'),
  BODY_TOO_LARGE: row('user', 'never', 413, null, 'body exceeds {max} bytes'),
  EXPECTATION_UNKNOWN: row('user', 'never', 417, null, 'Expect: 100-continue is met, and no other'),
  BODY_TYPE: row('user', 'never', 415, null, 'send the body as {expected}'),
  REQUEST_TIMEOUT: row('user', 'backoff', 408, null, 'the request did not arrive in time'),
  HEADERS_TOO_LARGE: row('user', 'never', 431, null, 'headers exceed {max} bytes'),

  // The daemon itself.
  FAILED: row('external', 'backoff', 503, null, 'the server has failed and is ending: {reason}'),
  DRAINING: row('external', 'backoff', 503, 1012, 'the server is shutting down'),
  STORAGE_FULL: row(
    'external',
    'backoff',
    507,
    1013,
    'the disk is nearly full, and no new events are taken: {freeBytes} bytes and {freeFiles} ' +
      'files are free, {reservedBytes} bytes are kept back for what was taken',
  ),
  STORAGE_LOW: row(
    'external',
    'backoff',
    507,
    null,
    'the disk will soon be full: {freeBytes} bytes and {freeFiles} files are free, ' +
      '{reservedBytes} bytes are kept back for what was taken',
  ),
  OFFLINE_LOG_BEHIND: row(
    'external',
    'backoff',
    503,
    null,
    'the offline log cannot be written, and is {behindBytes} bytes of the journal behind: {reason}',
  ),
  CLOCK_SKEWED: row(
    'external',
    'backoff',
    503,
    null,
    'the clock of the machine is {skewMs} ms ahead of the time that is used',
  ),
  SHARD_BLOCKED: row(
    'external',
    'backoff',
    503,
    null,
    'shard thread {lane} has done nothing for {ms} ms: does a function of the features file end?',
  ),
  SHARD_REBUILDING: row(
    'external',
    'backoff',
    503,
    null,
    'shard thread {lane} has died; its keys are back when another one has caught up',
  ),
  STORE_GONE: row(
    'external',
    'backoff',
    500,
    1011,
    '{file} is no longer what the daemon writes to: what it wrote may be lost',
  ),
  STALLED: row('external', 'backoff', 503, 1011, '{what} has not moved for {ms} ms'),
  OVERLOADED: row('external', 'backoff', 503, 1013, 'the server holds too much unfinished work'),
  STORE_LOCKED: row('external', 'never', 500, null, 'data directory is in use by process {pid}'),
  STORE_FORMAT: row(
    'internal',
    'never',
    500,
    null,
    'store has format {found}, expected {expected}',
  ),
  STORE_CORRUPT: row('internal', 'never', 500, null, '{file}: {reason}'),
  JOURNAL_CORRUPT: row('internal', 'never', 500, null, '{file} at byte {offset}: {reason}'),
  JOURNAL_WRITE: row(
    'internal',
    'backoff',
    500,
    1011,
    'journal write failed, outcome unknown: {reason}',
  ),
  LEDGER_CORRUPT: row('internal', 'never', 500, null, '{file} at byte {offset}: {reason}'),
  LEDGER_WRITE: row(
    'internal',
    'backoff',
    500,
    1011,
    'ledger write failed, outcome unknown: {reason}',
  ),
  REBUILD_INCOMPLETE: row('internal', 'never', 500, null, 'nothing was rebuilt: {reason}'),
  BACKUP_INVALID: row('external', 'never', 500, null, '{file}: {reason}'),
  CHECKPOINT_FAILED: row(
    'internal',
    'backoff',
    500,
    1011,
    'checkpoint of shard {shard} failed: {reason}',
  ),
  SHARD_FAILED: row('internal', 'backoff', 500, 1011, 'shard thread {lane} failed: {reason}'),
  INTERNAL: row('internal', 'backoff', 500, 1011, 'internal error'),

  // The command line.
  USAGE_INVALID: row('user', 'never', 400, null, '{reason}'),
  API_KEY_UNKNOWN: row('user', 'never', 404, null, 'there is no API key {id} in {dir}'),
  API_KEYS_FULL: row('user', 'never', 409, null, 'there are {max} API keys already; revoke some'),
  FILE_UNREADABLE: row('user', 'never', 400, null, 'cannot read {file}: {reason}'),
  FILE_UNWRITABLE: row('user', 'never', 400, null, 'cannot write {file}: {reason}'),

  // Raised in the client only.
  CLIENT_CLOSED: row('user', 'never', 500, null, 'the client is closed'),
  CLIENT_REFUSED: row('external', 'never', 500, null, 'the server refused: {reason}'),
  CLIENT_DATA_LOSS: row(
    'external',
    'never',
    500,
    null,
    'an older state of the server was put back: up to {acknowledged} events that it had ' +
      'acknowledged may be lost, and it is unknown whether {pending} others were counted',
  ),
  CLIENT_UNREACHABLE: row('external', 'backoff', 503, null, 'cannot reach {url}: {reason}'),
  CLIENT_TIMEOUT: row('external', 'backoff', 504, null, 'no answer within {timeoutMs} ms'),
  EVENT_ENCODE: row('user', 'never', 400, null, 'cannot encode the event at "{path}": {reason}'),
  OUTBOX_CORRUPT: row('external', 'never', 500, null, '{file} at byte {offset}: {reason}'),
  OUTBOX_WRITE: row('external', 'never', 500, null, 'write of the outbox failed: {reason}'),
  OUTBOX_FULL: row('user', 'backoff', 429, null, 'outbox holds {count} unacknowledged events'),
} as const satisfies Record<string, ErrorRow>

/** A stable, documented error code. */
export type ErrorCode = keyof typeof errorTable

/** Values that fill the placeholders of a message. */
export type ErrorDetails = Readonly<Record<string, string | number>>

/** Every error Millrace raises on purpose. */
export class MillraceError extends Error {
  readonly code: ErrorCode
  readonly details: ErrorDetails

  /** @param options  `message` takes the place of the table's sentence. */
  constructor(
    code: ErrorCode,
    details: ErrorDetails = {},
    options: { cause?: unknown; message?: string } = {},
  ) {
    super(options.message ?? errorMessage(code, details), options)
    this.name = 'MillraceError'
    this.code = code
    this.details = details
  }
}

/** The sentence of a code with its placeholders filled; an unfilled one stays visible. */
export function errorMessage(code: ErrorCode, details: ErrorDetails = {}): string {
  return errorTable[code].message.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = details[name]
    return value === undefined ? whole : printable(String(value))
  })
}

/** Cuts and escapes text that came from outside, so that it can be shown and logged safely. */
export function printable(text: string, lengthMax = 256): string {
  const cut = text.length > lengthMax ? `${text.slice(0, lengthMax)}…` : text
  return cut.replace(
    // Control characters, line separators and bidirectional overrides.
    // oxlint-disable-next-line no-control-regex
    /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** The reason of anything thrown, for a message. */
export function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}
