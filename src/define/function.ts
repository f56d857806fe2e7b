/**
 * The aggregate functions as a features file writes them: a name, or a call such as `last(3)`.
 *
 * Which function takes which types, and what comes out, is said here once: the compiler reads the
 * tables as types, the loader reads them as data.
 */
import * as limits from '../base/limits.ts'
import {
  plainFunctions,
  type AggregateFunction,
  type FunctionName,
  type PlainFunction,
} from '../model/aggregate-function.ts'
import type { DataType } from '../model/types.ts'
import { shown } from './names.ts'
import type { FieldSchema, Kind, ValueOf } from './types.ts'

/** Names that stand for another function's. */
export const functionAliases = { stddev: 'stddev_samp', variance: 'var_samp' } as const

/** A function with its parameters: what {@link last} and the like return. */
export interface FunctionCall<
  Name extends FunctionName = FunctionName,
  Label extends string = string,
> {
  readonly kind: 'millrace.function'
  readonly fn: AggregateFunction & { readonly name: Name }
  /** As it stands in a feature's name; for the compiler only. */
  readonly '~label': Label
}

/** What {@link aggregate} takes for a function. */
export type FunctionArgument = PlainFunction | keyof typeof functionAliases | FunctionCall

function call<Name extends FunctionName, Label extends string>(
  fn: AggregateFunction & { readonly name: Name },
): FunctionCall<Name, Label> {
  return { kind: 'millrace.function', fn } as FunctionCall<Name, Label>
}

/**
 * The first `n` values in the window, in the order of their event times.
 *
 * @param n  1 … 1000.
 */
export function first<const N extends number>(n: N): FunctionCall<'first_n', `first_${N}`> {
  return call({ name: 'first_n', n })
}

/**
 * The last `n` values in the window, in the order of their event times: the newest comes last.
 *
 * @param n  1 … 1000.
 */
export function last<const N extends number>(n: N): FunctionCall<'last_n', `last_${N}`> {
  return call({ name: 'last_n', n })
}

/**
 * The `n` different values that came first, in the order of their first event times.
 *
 * @param n  1 … 1000.
 */
export function firstDistinct<const N extends number>(
  n: N,
): FunctionCall<'first_distinct_n', `first_distinct_${N}`> {
  return call({ name: 'first_distinct_n', n })
}

/**
 * The `n` different values that came last, in the order of their last event times: the newest comes
 * last.
 *
 * @param n  1 … 1000.
 */
export function lastDistinct<const N extends number>(
  n: N,
): FunctionCall<'last_distinct_n', `last_distinct_${N}`> {
  return call({ name: 'last_distinct_n', n })
}

/**
 * The number of different values, by HyperLogLog: exact while there are few, then with a standard
 * error of 1.04 / √2^precision (6.5 % for 8, 0.4 % for 16).
 *
 * @param precision  4 … 16. @defaultValue 8
 */
export function approxCountDistinct(
  precision = 8,
): FunctionCall<'approx_count_distinct', 'approx_count_distinct'> {
  return call({ name: 'approx_count_distinct', precision })
}

/**
 * The value at a rank: 0.5 is the median, 0.99 the 99th percentile. Exact while there are at most
 * `precision` different values, then off by 1 / precision of the value at most.
 *
 * @param percentile  0 … 1.
 * @param precision  20 … 500. @defaultValue 100
 */
export function approxPercentile<const P extends number>(
  percentile: P,
  precision = 100,
): FunctionCall<'approx_percentile', `approx_percentile_p${Underscored<`${P}`>}`> {
  return call({ name: 'approx_percentile', percentile, precision })
}

type Underscored<Text extends string> = Text extends `${infer Whole}.${infer Fraction}`
  ? `${Whole}_${Fraction}`
  : Text

const integer = ['Int64', 'Int32'] as const
const numeric = [...integer, 'Float64', 'Float32'] as const
const ordered = [...numeric, 'String', 'Timestamp'] as const
const scalar = [...ordered, 'Bool'] as const
const any = [...scalar, 'Array', 'Struct', 'Map'] as const

/** The types of column that a function takes; null values are passed over by all of them. */
export const inputKinds = {
  count: any,
  sum: numeric,
  mean: numeric,
  min: ordered,
  max: ordered,
  first: any,
  last: any,
  var_pop: numeric,
  var_samp: numeric,
  stddev_pop: numeric,
  stddev_samp: numeric,
  first_n: any,
  last_n: any,
  first_distinct_n: scalar,
  last_distinct_n: scalar,
  approx_count_distinct: scalar,
  approx_percentile: numeric,
} as const satisfies Record<FunctionName, readonly Kind[]>

/** The type of a feature, always nullable: sums of integers and counts are Int64, means Float64. */
export function outputType(fn: AggregateFunction, input: DataType): DataType {
  switch (fn.name) {
    case 'count':
    case 'approx_count_distinct':
      return { kind: 'Int64', nullable: true }
    case 'sum': {
      const isInteger = integer.some((kind) => kind === input.kind)
      return { kind: isInteger ? 'Int64' : 'Float64', nullable: true }
    }
    case 'mean':
    case 'var_pop':
    case 'var_samp':
    case 'stddev_pop':
    case 'stddev_samp':
    case 'approx_percentile':
      return { kind: 'Float64', nullable: true }
    case 'min':
    case 'max':
    case 'first':
    case 'last':
      return { ...input, nullable: true }
    case 'first_n':
    case 'last_n':
    case 'first_distinct_n':
    case 'last_distinct_n':
      return { kind: 'Array', element: { ...input, nullable: false }, nullable: true }
  }
}

/** The value of a feature, as {@link outputType} says it to the compiler. */
export type FunctionValue<Fn extends FunctionArgument, S extends FieldSchema> =
  NameOf<Fn> extends infer Name extends FunctionName
    ? Name extends 'count' | 'approx_count_distinct'
      ? bigint | null
      : Name extends 'sum'
        ? (S extends FieldSchema<(typeof integer)[number]> ? bigint : number) | null
        : Name extends 'min' | 'max' | 'first' | 'last'
          ? ValueOf<S> | null
          : Name extends 'first_n' | 'last_n' | 'first_distinct_n' | 'last_distinct_n'
            ? readonly NonNullable<ValueOf<S>>[] | null
            : number | null
    : never

/** The name of a function, aliases resolved. */
export type NameOf<Fn extends FunctionArgument> =
  Fn extends FunctionCall<infer Name>
    ? Name
    : Fn extends keyof typeof functionAliases
      ? (typeof functionAliases)[Fn]
      : Fn extends PlainFunction
        ? Fn
        : never

/** A function as it stands in a feature's name. */
export type LabelOf<Fn extends FunctionArgument> =
  Fn extends FunctionCall<FunctionName, infer Label> ? Label : NameOf<Fn>

/** Functions that are not written by their own name. */
const writtenNames = {
  first_n: 'first',
  last_n: 'last',
  first_distinct_n: 'firstDistinct',
  last_distinct_n: 'lastDistinct',
  approx_count_distinct: 'approxCountDistinct',
  approx_percentile: 'approxPercentile',
} as const satisfies Record<Exclude<FunctionName, PlainFunction>, string>

/** A function as a features file names it; {@link writtenName} gives it. */
export type WrittenName<Name extends FunctionName> = Name extends keyof typeof writtenNames
  ? (typeof writtenNames)[Name]
  : Name

export function writtenName(name: FunctionName): string {
  return (writtenNames as Partial<Record<FunctionName, string>>)[name] ?? name
}

/** The functions, as an error names them. */
export const functionsShown = `${plainFunctions.join(', ')}, and calls such as last(3)`

/** How they are called, for who has not. */
const calls: ReadonlyMap<unknown, string> = new Map<unknown, string>([
  [first, 'first(n)'],
  [last, 'last(n)'],
  [firstDistinct, 'firstDistinct(n)'],
  [lastDistinct, 'lastDistinct(n)'],
  [approxCountDistinct, 'approxCountDistinct()'],
  [approxPercentile, 'approxPercentile(p)'],
])

/** The function that an argument stands for, or what is wrong with it. */
export function readFunction(argument: unknown): AggregateFunction | { readonly problem: string } {
  if (typeof argument === 'string') {
    const name = Object.hasOwn(functionAliases, argument)
      ? functionAliases[argument as keyof typeof functionAliases]
      : argument
    const plain = plainFunctions.find((each) => each === name)
    if (plain !== undefined) return { name: plain }
  }
  const fn = callOf(argument)
  if (fn === null) {
    const uncalled = calls.get(argument)
    const problem =
      uncalled === undefined
        ? `${shown(argument)} is not an aggregate function; they are ${functionsShown}`
        : `the function is not called; call it: ${uncalled}`
    return { problem }
  }
  const problem = parameterProblem(fn)
  return problem === null ? fn : { problem }
}

/** The function of a call; null when the argument is none. */
function callOf(argument: unknown): AggregateFunction | null {
  const call = argument as Partial<FunctionCall> | null | undefined
  if (call?.kind !== 'millrace.function') return null
  return Object.hasOwn(inputKinds, call.fn?.name ?? '') ? call.fn! : null
}

function parameterProblem(fn: AggregateFunction): string | null {
  switch (fn.name) {
    case 'first_n':
    case 'last_n':
    case 'first_distinct_n':
    case 'last_distinct_n':
      return rangeProblem(fn.name, { n: fn.n }, { min: 1, max: limits.listValuesMax })
    case 'approx_count_distinct': {
      const range = { min: limits.distinctPrecisionMin, max: limits.distinctPrecisionMax }
      return rangeProblem(fn.name, { precision: fn.precision }, range)
    }
    case 'approx_percentile': {
      const { percentile, precision } = fn
      if (!isNumber(percentile) || !(percentile >= 0 && percentile <= 1)) {
        const written = writtenName(fn.name)
        return `${written} has percentile ${shown(percentile)}, which is not a number in 0 … 1`
      }
      const range = { min: limits.percentilePrecisionMin, max: limits.percentilePrecisionMax }
      return rangeProblem(fn.name, { precision }, range)
    }
    default:
      return null
  }
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number'
}

/** @param parameter  One, by its name. */
function rangeProblem(
  fn: FunctionName,
  parameter: Readonly<Record<string, unknown>>,
  { min, max }: { readonly min: number; readonly max: number },
): string | null {
  const [[name, value]] = Object.entries(parameter) as [[string, unknown]]
  if (isNumber(value) && Number.isInteger(value) && value >= min && value <= max) return null
  const has = `${writtenName(fn)} has ${name} ${shown(value)}`
  return `${has}, which is not a whole number in ${min} … ${max}`
}
