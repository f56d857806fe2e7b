/**
 * The 124 bad inputs, and where each of them is tried that is no row of a table here: a test that
 * stood elsewhere before, or a page that says why there is none.
 */

/** How many of each kind there are: HTTP, WebSocket, msgpack, producers, configuration, display. */
export const kinds = { H: 32, W: 25, M: 38, P: 16, C: 10, D: 3 } as const

/** A test below `test/`, and whose it is. */
type Place = readonly [id: string, file: string, test: string]

export const elsewhere: readonly Place[] = [
  ['H6', 'hostile/access.test.ts', 'H6–H9: whatever is not a key gets one answer, at every door'],
  ['H7', 'hostile/access.test.ts', 'H6–H9: whatever is not a key gets one answer, at every door'],
  ['H8', 'hostile/access.test.ts', 'H6–H9: whatever is not a key gets one answer, at every door'],
  ['H9', 'hostile/access.test.ts', 'H6–H9: whatever is not a key gets one answer, at every door'],
  [
    'H10',
    'e2e/api-keys.test.ts',
    'a key that is revoked gets nothing more on a connection that is open',
  ],
  ['H11', 'hostile/access.test.ts', 'H11: a key that is not for events gets none in'],
  ['H31', 'wire/websocket.test.ts', 'connections beyond the bound are refused'],
  [
    'H17',
    'serve/http-server.test.ts',
    'headers that do not come in time are refused, and the socket goes',
  ],
  [
    'H27',
    'serve/http-server.test.ts',
    'a body that does not come in time is refused, and the socket goes',
  ],
  [
    'W15',
    'wire/socket-connection.test.ts',
    'half a message, and pongs, are waited for, and not for ever',
  ],
  [
    'W15',
    'wire/wire-memory.test.ts',
    'of messages that do not come whole the oldest go, until the rest is within the bound',
  ],
  ['W17', 'wire/socket-connection.test.ts', 'a frame that has only begun is given as long'],
  ['W18', 'hostile/websocket.test.ts', 'W18: compression is offered and not taken'],
  ['W20', 'hostile/websocket.test.ts', 'W20: what follows a close is not taken'],
  ['W22', 'wire/websocket.test.ts', 'a client that says nothing is sent away'],
  ['W24', 'wire/session-close.test.ts', 'a peer that does not read its answers is not read either'],
  ['W24', 'e2e/overload.test.ts', 'a peer that reads nothing holds up nobody else'],
  [
    'W24',
    'wire/socket-connection.test.ts',
    'a peer that takes nothing of what it asked for is cut before its heartbeat is',
  ],
  [
    'W25',
    'hostile/websocket.test.ts',
    'W25: a thousand connections that close at once leave nothing open',
  ],
  [
    'M12',
    'validate/decoder.test.ts',
    'a field that every object seems to have must be in the event itself',
  ],
  ['M18', 'hostile/events.test.ts', 'M18: a key is kept as it came, and none is taken for another'],
  ['M18', 'hostile/terminal.test.ts', 'M18: a line of the log holds nothing that a terminal obeys'],
  [
    'M24',
    'aggregate/evaluate.test.ts',
    'a float sum beyond the range of doubles is no value, and its mean is one',
  ],
  [
    'M30',
    'recovery/cold-keys.test.ts',
    'with memory for a tenth of the keys reads are right, and a kill is harmless',
  ],
  [
    'M30',
    'hostile/keys.test.ts',
    'M30: new keys beyond the limit of a day are refused, those there are count',
  ],
  [
    'M30',
    'hostile/keys.test.ts',
    'M30: an event whose key is too many for one view counts in others',
  ],
  [
    'M31',
    'hostile/keys.test.ts',
    'M31: keys that all fall into one shard of one store spread over those of another',
  ],
  [
    'M35',
    'e2e/protocol.test.ts',
    'a source that does not exist rejects its events, not the connection',
  ],
  [
    'M36',
    'hostile/events.test.ts',
    'M36: bad events alone are all in the ledger, and what follows them is taken',
  ],
  [
    'M38',
    'client/encode.test.ts',
    'refuses what would arrive as something else, and says where it is',
  ],
  [
    'P1',
    'e2e/protocol.test.ts',
    'a batch whose acknowledgement is lost counts once when it is sent again',
  ],
  [
    'P2',
    'e2e/protocol.test.ts',
    'another event under a sequence that was taken closes the connection',
  ],
  [
    'P3',
    'e2e/protocol.test.ts',
    'of a batch that overlaps what came before, the new part is taken',
  ],
  [
    'P5',
    'e2e/protocol.test.ts',
    'a newer session fences the older one, and an older epoch is refused',
  ],
  [
    'P6',
    'e2e/protocol.test.ts',
    'a newer session fences the older one, and an older epoch is refused',
  ],
  ['P7', 'e2e/protocol.test.ts', 'a gap is refused whole, and for good the third time'],
  [
    'P8',
    'intake/intake.test.ts',
    'an epoch that was never given out is told from one that is over',
  ],
  ['P10', 'wire/session.test.ts', 'one batch beyond the credit is tolerated, the next closes'],
  ['P10', 'e2e/overload.test.ts', 'a peer beyond its credit is closed, and what was taken counts'],
  [
    'P12',
    'intake/intake.test.ts',
    'names are refused beyond the bound, and those that are known are not',
  ],
  [
    'P13',
    'intake/intake.test.ts',
    'a producer that has not been seen for long is forgotten when a new name comes',
  ],
  [
    'P13',
    'wire/session.test.ts',
    'a producer that is forgotten is welcomed without an epoch, and cannot publish',
  ],
  ['C6', 'e2e/restart.test.ts', 'a directory is for one daemon at a time'],
  [
    'C7',
    'persist/environment.test.ts',
    'a store of another format is refused, and its redo file is left alone',
  ],
  [
    'C8',
    'e2e/restart.test.ts',
    'a definition that has changed or gone is refused, a new one is taken',
  ],
  ['C9', 'persist/environment.test.ts', 'a stored value with any changed byte is refused'],
  ['C9', 'stored/inspect.test.ts', 'damage is found in its place, and what helps is told'],
  ['C9', 'stored/inspect.test.ts', 'a shard whose file was cut is refused, and ends no process'],
  [
    'C10',
    'log/recover.test.ts',
    'a last segment that is cut anywhere yields exactly the records before the cut',
  ],
  [
    'C10',
    'log/recover.test.ts',
    'a flipped byte in an earlier segment is found, with file and offset',
  ],
  [
    'C10',
    'log/recover.test.ts',
    'a missing, a shortened and a foreign segment are found when the log is opened',
  ],
  ['D2', 'hostile/terminal.test.ts', 'D2: get shows text with escapes, and a part of what is long'],
  [
    'D2',
    'hostile/terminal.test.ts',
    'D2: what the ledger tells of a producer is shown with escapes',
  ],
  ['D2', 'hostile/terminal.test.ts', 'D2: arguments and errors are shown with escapes'],
]

/** The page that says why some are left out, and the words in which it does. */
export const leftOutPage = 'docs/decisions/0011-left-out.md'

export const leftOut: Readonly<Record<string, string>> = {
  M34: 'A checksum in frames.',
  C5: 'A look at who owns the data directory.',
  D1: 'A dashboard, and files of CSV.',
  D3: 'A dashboard, and files of CSV.',
}
