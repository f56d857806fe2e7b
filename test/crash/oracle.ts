/**
 * What a daemon must have counted, recounted in SQL from what was sent.
 *
 * Nothing of it comes from the engine: DuckDB aggregates the events that producers have made up.
 */
import { DuckDBInstance, type DuckDBConnection, type DuckDBValue } from '@duckdb/node-api'
import { producerName, type Sale } from './sales.ts'

/** What is counted and what is recorded, a line each, sorted. */
export interface Account {
  readonly values: readonly string[]
  readonly ledger: readonly string[]
}

const tables = [
  'create table sales (producer int, number bigint, till varchar, user_id int, amount bigint)',
  'create table receipts (producer int, number bigint, till varchar, receipt varchar)',
  'create table wrong (producer int, number bigint, code varchar)',
  // Of each producer, the events that count: those before a number.
  'create table cut (producer int, upto bigint)',
  'create view sold as select * from sales join cut using (producer) where number < upto',
  'create view given as select * from receipts join cut using (producer) where number < upto',
  'create view refused as select * from wrong join cut using (producer) where number < upto',
]

const valuesSql = `
  select 'user ' || user_id || ': ' || count(*) || ' ' || sum(amount) || ' ' || max(number)
    from sold group by user_id
  union all
  select 'till ' || till || ': ' || count(*) || ' ' || sum(amount) || ' ' ||
      array_to_string(list(number order by number)[1:5], ',') || ' ' ||
      array_to_string(list(number order by number)[-5:], ',')
    from sold group by till
  union all
  select 'receipts ' || till || ': ' || count(*) || ' ' || sum(number)
    from (select till, min(number) as number from given group by till, receipt) group by till`

const ledgerSql = 'select producer, number, code from refused'

/** The lines of both halves are made as here. @see check.ts */
export class SalesOracle {
  readonly #connection: DuckDBConnection

  static async open(): Promise<SalesOracle> {
    const connection = await (await DuckDBInstance.create(':memory:')).connect()
    for (const table of tables) await connection.run(table)
    return new SalesOracle(connection)
  }

  private constructor(connection: DuckDBConnection) {
    this.#connection = connection
  }

  async add(sales: readonly Sale[]): Promise<void> {
    const [sold, given, refused] = await Promise.all(
      ['sales', 'receipts', 'wrong'].map((table) => this.#connection.createAppender(table)),
    )
    for (const { producer, number, till, fields } of sales) {
      const table = { sale: sold!, receipt: given!, wrong: refused! }[fields.kind]
      table.appendInteger(producer)
      table.appendBigInt(BigInt(number))
      if (fields.kind !== 'wrong') table.appendVarchar(till)
      if (fields.kind === 'sale') {
        table.appendInteger(fields.user)
        table.appendBigInt(BigInt(fields.amount))
      } else table.appendVarchar(fields.kind === 'wrong' ? fields.code : fields.receipt)
      table.endRow()
    }
    for (const appender of [sold, given, refused]) appender!.closeSync()
  }

  /** @param upTo  By producer: how many of its first events count. */
  async account(upTo: readonly number[]): Promise<Account> {
    await this.#connection.run('delete from cut')
    const cuts = upTo.map((count, producer) => `(${producer}, ${count})`)
    await this.#connection.run(`insert into cut values ${cuts.join(', ')}`)
    const values = (await this.#rows(valuesSql)).map(([line]) => String(line))
    const ledger = (await this.#rows(ledgerSql)).map(([producer, number, code]) =>
      [producerName(Number(producer)), String(number), String(code)].join(' '),
    )
    return { values: values.toSorted(), ledger: ledger.toSorted() }
  }

  close(): void {
    this.#connection.closeSync()
  }

  async #rows(sql: string): Promise<DuckDBValue[][]> {
    return (await this.#connection.runAndReadAll(sql)).getRows()
  }
}
