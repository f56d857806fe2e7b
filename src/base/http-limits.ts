/**
 * The bounds of HTTP: of requests, of what they carry, and of who may make them. As in `limits.ts`,
 * each has a unit and says what is answered beyond it.
 */

/** Time for a read of the hosted platform's clients, ms. Beyond: `READ_TIMEOUT`. */
export const servingMsMax = 2000

/** Workspaces that metrics tell apart, and characters of their names. Others have no name there. */
export const platformWorkspacesMax = 100
export const platformWorkspaceLengthMax = 100

/** Bytes of an HTTP request's body. Beyond: `BODY_TOO_LARGE`. */
export const httpBodyBytesMax = 1024 * 1024

/** Bytes of the body of a read of the hosted platform's clients: its own. `BODY_TOO_LARGE`. */
export const servingBodyBytesMax = 4 * 1024 * 1024

/** Bytes of a request's body that holds events. Beyond: `BODY_TOO_LARGE`. */
export const eventsBodyBytesMax = 4 * 1024 * 1024

/** Nesting of a JSON text that holds events, above what one event may have: `JSON_INVALID`. */
export const jsonDepthMax = 32

/** Bytes of events that were pushed over HTTP and have no answer yet. Beyond: `OVERLOADED`. */
export const pushBytesMax = 32 * 1024 * 1024

/** Requests of which a check has ended a thread that are known. Beyond: the oldest is forgotten. */
export const suspectChecksMax = 1000

/** Time for events that were pushed over HTTP to be on disk and applied, ms: `OUTCOME_UNKNOWN`. */
export const pushMsMax = 10_000

/**
 * Idempotency keys that are known, and how long, ms; time beyond that until they go. Older ones are
 * forgotten: a request under one of them is a new one.
 */
export const idempotencyKeysMax = 10_000
export const idempotencyMsMax = 86_400_000
export const idempotencyForgetMs = 60_000

/** Characters of an idempotency key, printable ASCII. Beyond: `REQUEST_INVALID`. */
export const idempotencyKeyLengthMax = 255

/** Bytes of an HTTP request's line and headers. Beyond: `HEADERS_TOO_LARGE`. */
export const httpHeaderBytesMax = 16 * 1024

/** Characters of a name in an HTTP path. Beyond: `REQUEST_INVALID`. */
export const httpNameLengthMax = 256

/** Time for the headers, and for the whole of an HTTP request, ms. Beyond: `REQUEST_TIMEOUT`. */
export const httpHeadersTimeoutMs = 10_000
export const httpRequestTimeoutMs = 30_000

/** Time between two looks for HTTP requests that are late, ms: by so much they may be later. */
export const httpCheckMs = 5000

/** How long an HTTP connection is kept open for another request, ms. */
export const httpKeepAliveMs = 72_000

/** How long an HTTP connection may take or give nothing, ms; then it is cut. */
export const httpIdleMs = 120_000

/** Headers of an HTTP request. Beyond: `REQUEST_INVALID`. */
export const httpHeadersMax = 64

/** API keys of a data directory. Beyond: `API_KEYS_FULL`. */
export const apiKeysMax = 1000

/** Time between two looks at which API keys there are, ms: a revoked one is good for so long. */
export const apiKeysLookMs = 1000

/** How long an API key may be good for, ms: a hundred years. Beyond: `USAGE_INVALID`. */
export const apiKeyLifeMsMax = 100 * 366 * 86_400_000

/** Characters of the name of an API key. Beyond: `USAGE_INVALID`. */
export const apiKeyNameLengthMax = 100

/** Other connections at a time; beyond either, sockets are closed as they come. */
export const httpConnectionsMax = 512

/**
 * Bytes of HTTP bodies, as far as they have come, all requests without an answer. Beyond, bodies
 * that are not whole are cut, the oldest first: `OVERLOADED`.
 */
export const httpBodiesBytesMax = 64 * 1024 * 1024

/** Bytes of HTTP answers that wait to be sent, all sockets. Beyond, the oldest are cut. */
export const httpAnswersBytesMax = 256 * 1024 * 1024
