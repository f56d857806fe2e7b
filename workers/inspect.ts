/**
 * Entry of a process that looks through one shard's store, `<directory> [whole]`, and sends what it
 * found: damage may end the process, and only this one.
 */
import { inspectShard } from '../src/shard/inspect.ts'

const [, , path, depth] = process.argv
const found = await inspectShard(path!, depth === 'whole')
process.send!(found)
process.disconnect()
