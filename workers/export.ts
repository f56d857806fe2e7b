/**
 * Entry of a process that writes a part of the journal into the offline log, and ends.
 *
 * What it does needs memory and a processor for a while, and a native library: none of that is to
 * be in the way of the daemon. It ends when the daemon does, and no other may be at the same log.
 */
import { setPriority } from 'node:os'
import { createDirectory } from '../src/base/directories.ts'
import { lockDirectory } from '../src/base/lock.ts'
import { guardUserCode, runUserCode } from '../src/base/user-context.ts'
import { buildCatalog } from '../src/define/catalog.ts'
import { importFeatures } from '../src/define/load.ts'
import { offlineFiles } from '../src/export/log-files.ts'
import { runExport, type ExportTask } from '../src/export/run-export.ts'

export interface ExportMessage {
  /** The definitions, as a lane has them. */
  readonly definitionsUrl: string | null
  readonly definitions: readonly unknown[] | null
  readonly task: ExportTask
}

/** Above that of everything that somebody waits for. */
const priority = 10

process.once('disconnect', () => process.exit())
process.once('message', (message: ExportMessage) => {
  void work(message).then(() => process.disconnect())
})

async function work({ definitionsUrl, definitions, task }: ExportMessage): Promise<void> {
  setPriority(priority)
  await createDirectory(task.dir)
  const release = await lockDirectory(task.dir)
  const exported = definitionsUrl === null ? definitions! : await importFromUser(definitionsUrl)
  await runExport(buildCatalog(exported), task, offlineFiles, (state) => process.send!(state))
  await release()
}

function importFromUser(url: string): Promise<readonly unknown[]> {
  guardUserCode()
  return runUserCode(importFeatures, url)
}
