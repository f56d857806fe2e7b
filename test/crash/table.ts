/**
 * The 40 faults, and the tests that make them; of some, a page says why they end otherwise, or are
 * not made.
 */

export const faultCount = 40

/** A test below `test/`, by the words of its name that stand in the file. */
type Place = readonly [fault: number, file: string, test: string]

const kills = 'what is acknowledged is there once and in order after each kill'
const calls = 'what is acknowledged survives a kill at any system call'
const soak = 'faults of every kind, of network, disk and clock too, take and count nothing'
const power = 'an acknowledgement comes after the flush, and survives a power loss'
const failures = 'that fails ends the daemon with 70, and nothing counts twice'
const hangs = 'a flush that hangs is told, and then ends the daemon'
const stories = 'whatever happens, an event is acknowledged when it is safe, and counted once'

export const tried: readonly Place[] = [
  [1, 'crash/crash.test.ts', kills],
  [2, 'crash/crash.test.ts', calls],
  [3, 'crash/crash.test.ts', kills],
  [4, 'crash/crash.test.ts', power],
  [
    5,
    'crash/crash.test.ts',
    'without flushes, a power loss is found to take what was acknowledged',
  ],
  [6, 'recovery/faults.test.ts', failures],
  [6, 'crash/crash.test.ts', 'a failed write of a log ends the daemon, and takes nothing'],
  [7, 'daemon/watchdog.test.ts', 'a flush that takes long is told, and one that does not end'],
  [7, 'intake/shares.test.ts', 'beyond it, who has more than a share is, until half of it is left'],
  [8, 'recovery/faults.test.ts', hangs],
  [9, 'crash/crash.test.ts', soak],
  [9, 'recovery/faults.test.ts', 'a full disk refuses events and serves features, until there is'],
  [10, 'crash/crash.test.ts', 'a failed write of a log ends the daemon, and takes nothing'],
  [12, 'recovery/faults.test.ts', 'peers cannot use up the descriptors that the logs and the'],
  [13, 'intake/disk-guard.test.ts', 'a disk that can take no more files is full, too'],
  [14, 'recovery/faults.test.ts', 'a data directory that is removed ends the daemon'],
  [15, 'crash/crash.test.ts', 'threads that die at any moment come back, and each event counts'],
  [15, 'e2e/rebuilds.test.ts', 'a thread that dies too often ends the daemon; the next start goes'],
  [16, 'e2e/rebuilds.test.ts', 'an event that takes all memory is left out'],
  [17, 'e2e/rebuilds.test.ts', 'an event that ends its thread is left out, told, and counts'],
  [17, 'e2e/rebuilds.test.ts', 'a start that dies of an event finds it, too'],
  [18, 'recovery/faults.test.ts', 'a thread that hangs is told, and well again when it goes on'],
  [19, 'route/lanes.test.ts', 'reports a lane that cannot start, and ends the others in order'],
  [21, 'daemon/watchdog.test.ts', 'what this thread has slept through is told'],
  [23, 'crash/crash.test.ts', kills],
  [24, 'recovery/kill.test.ts', 'a second SIGTERM ends a drain at once'],
  [24, 'recovery/faults.test.ts', 'a hangup drains'],
  [25, 'client/client.test.ts', 'sends the same bytes again when the connection broke before'],
  [26, 'story/story.test.ts', stories],
  [27, 'story/story.test.ts', stories],
  [28, 'crash/crash.test.ts', soak],
  [28, 'wire/websocket.test.ts', 'a client that answers pings stays, one that does not is cut'],
  [29, 'crash/crash.test.ts', soak],
  [30, 'wire/socket-connection.test.ts', 'many peers that stand still are gone in time'],
  [32, 'base/guarded-clock.test.ts', 'a clock that was ahead for a moment leaves no trace'],
  [32, 'base/guarded-clock.test.ts', 'time never decreases, and is never further ahead'],
  [32, 'crash/crash.test.ts', soak],
  [34, 'daemon/watchdog.test.ts', 'a flush that takes long is told, and one that does not end'],
  [35, 'persist/environment.test.ts', 'a stored value with any changed byte is refused'],
  [35, 'stored/inspect.test.ts', 'damage is found in its place, and what helps is told'],
  [36, 'stored/backup.test.ts', 'a producer notices that a backup was put back'],
  [39, 'e2e/restart.test.ts', 'a store of another version, or a damaged manifest, is refused'],
  [40, 'stored/backup.test.ts', 'a backup with any damage is not put back, and nothing is left'],
]

export const otherwisePage = 'docs/decisions/0012-faults.md'

/** By fault: the words of the page under which it stands. */
export const otherwise: Readonly<Record<number, string>> = {
  11: 'A disk that turns read-only',
  15: 'A shard thread that dies again and again.',
  18: 'A shard thread that hangs',
  20: 'A crash in native code',
  21: 'A main thread that hangs',
  22: "the kernel's own kill",
  31: 'A limit on handshakes',
  33: 'Leap seconds and time zones',
  37: 'Readers from outside',
  38: 'Readers from outside',
}
