/**
 * Entry of a process that copies one shard's store, `<directory> <new directory>`: damage may end
 * the process, and only this one.
 */
import { reasonOf } from '../src/base/errors.ts'
import { snapshotShard } from '../src/shard/snapshot.ts'

const [, , from, to] = process.argv
const failure = await snapshotShard(from!, to!).then(() => null, reasonOf)
process.send!(failure)
process.disconnect()
