/**
 * The bounds of the product, with its unit and the error that answers when it is reached.
 *
 * Names end in the unit and `Max` or `Min`. Those that an operator may change are repeated as
 * options in `base/config.ts`, where these are the defaults.
 * Those of HTTP are in `http-limits.ts`.
 */

/** Bytes of one event's msgpack. Beyond: `EVENT_TOO_LARGE`. */
export const eventBytesMax = 64 * 1024

/** Nesting of one event's msgpack, the outer map counted as 1. Beyond: `EVENT_DECODE`. */
export const eventDepthMax = 8

/** Values of any kind in one event's msgpack. Beyond: `EVENT_DECODE`. */
export const eventNodesMax = 4096

/** Rows that a transform makes from one event. Beyond: `TRANSFORM_FAILED`. */
export const transformRowsMax = 1000

/** Bytes of one WebSocket message. Beyond: close 1009. */
export const frameBytesMax = 4 * 1024 * 1024

/** Events in one PUBLISH. Beyond: `BATCH_TOO_LARGE`. */
export const batchEventsMax = 10_000

/** Bytes of one encoded entity key. Beyond: `EVENT_KEY`. */
export const keyBytesMax = 1024

/** Bytes of one event id, UTF-8. Beyond: `EVENT_ID`. */
export const eventIdBytesMax = 256

/** Keys in one read. Beyond: `TOO_MANY_KEYS`. */
export const readKeysMax = 10_000

/**
 * Bytes of the values in the answer to one read, 8 of each number and each element: of 10 000 keys
 * with a hundred numbers each. Beyond: `ANSWER_TOO_LARGE`.
 */
export const answerBytesMax = 8 * 1024 * 1024

/** Keys that a query finds, those that have expired included. Beyond: `TOO_MANY_ROWS`. */
export const queryRowsMax = 10_000

/** Threads of realtime views, there only where a view is, and the heap of each, MiB. */
export const realtimeThreads = 2
export const realtimeMemoryMibMax = 256

/** How long the function of a realtime view may take for the rows of a task, ms: state `failed`. */
export const realtimeMsMax = 1000
export const realtimeRowsPerTask = 100

/** Tasks that wait for a thread of realtime views. Beyond: `OVERLOADED`. */
export const realtimeTasksMax = 1000

/** Questions, one for each key and view, that are not answered, all reads. Beyond: `OVERLOADED`. */
export const readQuestionsMax = 200_000

/** Questions that are asked at a time; beyond, reads wait for those before them. */
export const readQuestionsAskedMax = 20_000

/** Questions of a read so small that it waits for none, and may go beyond the first by a tenth. */
export const readQuestionsSmall = 100

/** Characters of a producer's name. Beyond: `FRAME_INVALID`. */
export const producerNameLengthMax = 64

/** Bytes of the name of a source, a service or a view in a frame. Beyond: `FRAME_INVALID`. */
export const frameNameBytesMax = 256

/** Nesting of a frame other than PUBLISH, and the values in it. Beyond: `FRAME_INVALID`. */
export const frameDepthMax = 6
export const frameNodesMax = 1024

/** Values in a READ: enough for `readKeysMax` keys of nine names. Beyond: `FRAME_INVALID`. */
export const readNodesMax = 200_000

/** Nesting of a READ: request data may nest as an event does. Beyond: `FRAME_INVALID`. */
export const readDepthMax = eventDepthMax + 3

/** Different keys of the maps in such a frame. Beyond: `FRAME_INVALID`. */
export const frameKeysMax = 64

/** WebSocket connections at a time. Beyond: `OVERLOADED`, before the upgrade. */
export const connectionsMax = 4096

/** File descriptors that connections leave to segments, stores and redo files. */
export const descriptorsKept = 64

/** Fragments of one WebSocket message, each of which keeps the chunk it came with: close 1008. */
export const frameFragmentsMax = 64

/** Chunks in which one fragment is read from its socket. Beyond: close 1008. */
export const frameChunksMax = 16 * 1024

/** Time for one message to come whole, ms. Beyond: `MESSAGE_TIMEOUT`. */
export const messageTimeoutMs = 30_000

/** Memory of messages that have not come whole, all connections; beyond, the oldest are cut. */
export const receivingBytesTotalMax = 64 * 1024 * 1024

/** Bytes read and sent between two looks at the memory of all connections. */
export const wireBytesBetweenLooks = 8 * 1024 * 1024

/** Time from the upgrade to HELLO, ms. Beyond: `HELLO_TIMEOUT`. */
export const helloTimeoutMs = 5000

/** Time between two pings, ms, and the looks at a peer in it. */
export const heartbeatMs = 15_000
export const looksPerHeartbeat = 3

/** Looks in a row at a peer that gives no sign of life: 35 s; then it is cut. */
export const silentLooksMax = 7

/** Looks in a row at a peer that takes next to nothing of what waits for it: `OVERLOADED`. */
export const stuckLooksMax = 3

/** Bytes that wait to be sent to one peer; beyond, its socket is not read until they are fewer. */
export const sendBufferBytesMax = 4 * 1024 * 1024

/** The same; when more wait before a frame is to be sent: `OVERLOADED`. */
export const sendBufferBytesHardMax = 16 * 1024 * 1024

/** The same over all connections; beyond, those for which most waits are cut. */
export const sendBufferBytesTotalMax = 256 * 1024 * 1024

/** Bytes that a peer has to take between two looks when more waits than `sendBufferBytesMax`. */
export const sendProgressBytesMin = 64 * 1024

/** Reads of one session that are not answered yet. Beyond: `OVERLOADED` to that read. */
export const sessionReadsMax = 64

/** Keys of the reads of one session that are not answered; beyond, its socket is not read. */
export const sessionReadKeysMax = 20_000

/** FLUSHes of one session that are not answered yet. Beyond: `FRAME_INVALID`. */
export const sessionFlushesMax = 1024

/** Rejections in one ACK; more are told in several. */
export const ackRejectionsMax = 1000

/**
 * How far the wall clock may run ahead of monotonic time and be followed, ms; how long it has to
 * say more until that is believed; and how long ago the last event may be at a start before what
 * is deleted by its age waits for that. Meanwhile `/readyz` warns: `CLOCK_SKEWED`.
 */
export const clockStepMsMax = 60_000
export const clockConfirmMs = 10 * 60_000
export const clockGapMsMax = 86_400_000

/** How far an event time may lie ahead of its arrival, ms. Beyond: `EVENT_IN_FUTURE`. */
export const futureMsMax = 5 * 60_000

/**
 * Rows of one view in one shard that wait for their event time; a batch may go beyond. While there
 * are as many, events that would wait, too: `EVENT_AHEAD`.
 */
export const parkedRowsMax = 100_000

/** Smallest event time, ms since the epoch: 1900-01-01. Below: `EVENT_TIME`. */
export const eventTimeMsMin = -2_208_988_800_000

/** Largest event time, ms since the epoch: 2200-01-01. Above: `EVENT_TIME`. */
export const eventTimeMsMax = 7_258_118_400_000

/** Unacknowledged events a session may have in flight. Beyond by a batch: `CREDIT_EXCEEDED`. */
export const creditEventsMax = 100_000

/**
 * How long events may wait for those before them when producers keep to the credit that they are
 * told, ms; and events a second that the daemon is thought to finish until it has been seen.
 */
export const creditQueueMs = 10
export const creditPerSecondStart = 1_000_000

/** Unacknowledged bytes a session may have in flight. Beyond by a frame: `CREDIT_EXCEEDED`. */
export const creditBytesMax = 16 * 1024 * 1024

/**
 * Memory of batches that are not yet settled, bytes; beyond, producers that hold more than their
 * share are not read, beyond twice as much none is.
 */
export const intakeBytesMax = 64 * 1024 * 1024

/**
 * The same of a replay, which goes on at half of it: enough for shards to be busy while more is
 * read, and no more memory than that.
 */
export const replayBytesMax = 16 * 1024 * 1024

/** Bytes read from sockets between two collections of what is young, see `wire/young-memory.ts`. */
export const youngBytesMax = 2 * 1024 * 1024

/**
 * Free space of the data directory's disk that is kept back for what was taken: a part of the disk,
 * and no more than so many bytes; and files that may still be made. Below: `STORAGE_FULL`, until
 * there is a part more.
 */
export const diskReserveShare = 1 / 20
export const diskReserveBytesMax = 1024 ** 3
export const diskFilesMin = 64
export const diskRelief = 1.2

/** What a byte of the journal becomes on disk until it is checkpointed: redo file and store. */
export const diskBytesPerJournalByte = 2

/** When a batch that was refused with `STORAGE_FULL` may be sent again, ms. */
export const storageRetryMs = 1000

/** Time between two looks at the disk, the flushes and the threads, ms. */
export const watchMs = 1000

/** How long a flush of a log may take, ms, until `/readyz` says `STALLED`, and until the end. */
export const flushSlowMs = 2000
export const flushMsMax = 10_000

/** How long a checkpoint of one shard may take, ms. Beyond: `STALLED`, and the end. */
export const storeMsMax = 120_000

/** How long a shard thread may do nothing, ms. Beyond: `SHARD_BLOCKED`. */
export const laneBlockedMs = 5000

/**
 * How often a shard thread may die within so long, ms; beyond, `SHARD_FAILED`. It takes three times
 * until an event that ends it is quarantined, and two for each that was sent with it.
 */
export const laneDeathsMax = 12
export const laneDeathsMs = 600_000

/** Events in quarantine; beyond, a thread that dies of another one is `SHARD_FAILED`. */
export const quarantinedMax = 1000

/** How long the main thread may do one thing, ms. Beyond, the log is told. */
export const mainBlockedMs = 2000

/** Messages with reads that one lane has not answered; beyond, reads wait to share one. */
export const readMessagesMax = 2

/** Buffers posted to one lane and not yet answered; beyond, events wait in the router. */
export const laneBuffersMax = 8

/** Bytes of batches that wait for a lane before they are sent, even with more to come. */
export const laneEventsBytesMax = 512 * 1024

/** Bytes of records in one journal segment; beyond, the next one is started. */
export const journalSegmentBytesMax = 64 * 1024 * 1024

/**
 * Segments of a log that are kept for its size and age, or twice as many as its size may take when
 * that is more: each start begins one. Beyond, the oldest go.
 */
export const logSegmentsMax = 4096

/** Bytes that one flush of a log puts on disk; beyond, records wait for the flush after it. */
export const logGroupBytesMax = 4 * 1024 * 1024

/** Bytes of records in one segment of the ledger, at most: a segment is dropped as a whole. */
export const ledgerSegmentBytesMax = 16 * 1024 * 1024

/** Rows of the ledger's counts by producer, source and code; the rest is counted together. */
export const ledgerCountsMax = 1000

/** Entries of one page of the ledger, and bytes of their events; `next` says where to go on. */
export const ledgerPageEntriesMax = 1000
export const ledgerPageBytesMax = 4 * 1024 * 1024

/** Bytes of the ledger that one request looks at, however few of its entries it wants. */
export const ledgerScanBytesMax = 32 * 1024 * 1024

/** Entries that one request replays. */
export const ledgerReplayEntriesMax = 10_000

/** Time between two looks at what of the ledger is too old, ms. */
export const ledgerTidyMs = 10_000

/** Journal of one part of the offline log, and memory for its rows, bytes; more goes to disk. */
export const exportBytesMax = 64 * 1024 * 1024
export const exportMemoryBytesMax = 256 * 1024 * 1024

/**
 * Journal that is kept because the offline log has not come so far, bytes. Beyond, it goes as its
 * retention says, and the log has a gap. `/readyz` warns long before: `OFFLINE_LOG_BEHIND`.
 */
export const offlineBacklogBytesMax = 32 * 1024 ** 3

/** Keys of a route verified at a time, beyond: `REQUEST_INVALID`; and when nothing is said. */
export const verifiedKeysMax = 100_000
export const verifiedKeysStandard = 1000

/** Events of a key by which a value that differs is explained, the newest. */
export const explainedEventsMax = 1000

/** Sequence gaps in a row before the connection is closed with `SEQUENCE_GAP_PERSISTS`. */
export const sequenceGapsMax = 3

/** Time between two looks at which producers are to be forgotten, ms. */
export const producersForgetMs = 60_000

/**
 * Batches of a producer that are known by their content, and producers of which any are: an event
 * that comes again under its sequence with other content is told from a repeat as far back.
 */
export const recentBatchesMax = 64
export const recentProducersMax = 4096

/** Shards of a store. Fixed when the store is created. */
export const shardsMax = 64

/** Characters of the name of a definition, a feature or a field. */
export const nameLengthMax = 64

/** Windows, aggregates and views: bounds that keep a definition sensible. */
export const featuresPerViewMax = 512
export const viewsMax = 256
export const windowMsMax = 5 * 366 * 86_400_000
export const tilesPerWindowMax = 100_000

/** Widest `interval` tile: `last` orders its events by their ns in it, whole ones below 2⁵³. */
export const intervalMsMax = 104 * 86_400_000

/** Latest beginning of a lifetime window or a stream, ms since the epoch: 2100-01-01. */
export const lifetimeStartMsMax = 4_102_444_800_000

/** Values of `first(n)` and the like. */
export const listValuesMax = 1000

/** log2 of the registers of `approxCountDistinct`. */
export const distinctPrecisionMin = 4
export const distinctPrecisionMax = 16

/** Different values up to which `approxPercentile` is exact. */
export const percentilePrecisionMin = 20
export const percentilePrecisionMax = 500

/** Windows of one `windowSeries`. */
export const seriesWindowsMax = 1000

/** Shortest `continuous` window. */
export const continuousWindowMsMin = 1000

/** Shortest `sawtooth` window: the narrowest tile is a second, and a tenth of it. */
export const sawtoothWindowMsMin = 10_000

/** How long the name of a key outlives its last window, ms: reads say `expired`, then `unseen`. */
export const expiredKeptMs = 7 * 86_400_000

/**
 * How long before it may be swept a key counts as new when it comes again, ms: whether it is new
 * then does not depend on when somebody looked for what has expired.
 */
export const sweepSlackMs = 86_400_000

/**
 * Keys that may be new in a view on one day, UTC, where its definition does not say, and the most
 * that it may say. Beyond: `EVENT_CARDINALITY`.
 */
export const newKeysPerDayStandard = 100_000_000
export const newKeysPerDayMax = 1_000_000_000_000

/** Keys that may change, and ids that may be counted, in one lane before a checkpoint is due. */
export const dirtyKeysMax = 1_000_000

/** Rejections kept per producer for one that comes back after a lost acknowledgement. */
export const rejectionsKeptMax = 10_000

/** The same over all producers; beyond, the oldest are forgotten. */
export const rejectionsKeptTotalMax = 100_000

/**
 * How long a drain may wait, ms, for connections to leave, which are cut then, and for the state to
 * be stored, the rest of which the next start replays.
 */
export const drainMsMax = 20_000

/** How long a drain may take in all, ms; then the process ends regardless. */
export const drainEndMsMax = 25_000

/** How long a second signal, or a failure, waits for the daemon to close, ms; then it is over. */
export const closeMsMax = 2000

/** Journal bytes after which a checkpoint is due before its time: what a start has to replay. */
export const checkpointBytesMax = 512 * 1024 * 1024

/** Bytes of one segment of an outbox on disk, beyond which the next one is started. */
export const outboxSegmentBytesMax = 8 * 1024 * 1024

/** Bytes of buffers that a client keeps for frames to come; beyond, they become garbage. */
export const framePoolBytesMax = 16 * 1024 * 1024

/** Connections of one load generator, and the different keys that it draws: eight digits. */
export const loadConnectionsMax = 1000
export const loadKeysMax = 100_000_000
