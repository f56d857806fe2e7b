/**
 * The options of `millrace load`, a row of `base/config.ts` each: what is sent, how fast, and for
 * how long.
 */
import { batchEventsMax, loadConnectionsMax, loadKeysMax, producerNameLengthMax } from './limits.ts'
import {
  parsePeriod,
  parsePeriodOrNone,
  parseText,
  parseWhole,
  type Given,
  type OptionTable,
  type Parsed,
} from './option.ts'

export const loadOptions = {
  connections: {
    flag: 'connections',
    variable: 'MILLRACE_LOAD_CONNECTIONS',
    placeholder: 'N',
    standard: () => 4,
    description: 'Producers, each with a connection of its own.',
    parse: (given: Given) => parseWhole(given, 1, loadConnectionsMax),
  },
  frameEvents: {
    flag: 'frame',
    variable: 'MILLRACE_LOAD_FRAME',
    placeholder: 'N',
    standard: () => 1000,
    description: 'Events in a frame.',
    parse: (given: Given) => parseWhole(given, 1, batchEventsMax),
  },
  keys: {
    flag: 'keys',
    variable: 'MILLRACE_LOAD_KEYS',
    placeholder: 'N',
    standard: () => 100_000,
    description: 'Different entity keys.',
    parse: (given: Given) => parseWhole(given, 1, loadKeysMax),
  },
  zipf: {
    flag: 'skew',
    variable: 'MILLRACE_LOAD_SKEW',
    placeholder: 'S',
    standard: () => 'uniform',
    description: 'How keys are drawn: uniform, or zipf:S, where S is the exponent.',
    parse: parseSkew,
  },
  disorder: {
    flag: 'disorder',
    variable: 'MILLRACE_LOAD_DISORDER',
    placeholder: 'P',
    standard: () => 0,
    description: 'Share of the events whose event time lies back, 0 to 1.',
    parse: parseShare,
  },
  disorderMs: {
    flag: 'disorder-by',
    variable: 'MILLRACE_LOAD_DISORDER_BY',
    placeholder: 'TIME',
    standard: () => '1m',
    description: 'How far back their event time lies at most; as likely anything up to it.',
    parse: parsePeriod,
  },
  duplicates: {
    flag: 'duplicates',
    variable: 'MILLRACE_LOAD_DUPLICATES',
    placeholder: 'P',
    standard: () => 0,
    description: 'Share of the frames that are sent twice, under the same sequences, 0 to 1.',
    parse: parseShare,
  },
  rate: {
    flag: 'rate',
    variable: 'MILLRACE_LOAD_RATE',
    placeholder: 'N',
    standard: () => 0,
    description: 'Open loop: events a second, whatever the server does; 0 is a closed loop.',
    parse: (given: Given) => parseWhole(given, 0, 1_000_000_000),
  },
  inFlight: {
    flag: 'in-flight',
    variable: 'MILLRACE_LOAD_IN_FLIGHT',
    placeholder: 'N',
    standard: () => 20_000,
    description: 'Closed loop: events sent and not acknowledged, all connections together.',
    parse: (given: Given) => parseWhole(given, 1, 1_000_000_000),
  },
  warmupMs: {
    flag: 'warmup',
    variable: 'MILLRACE_LOAD_WARMUP',
    placeholder: 'TIME',
    standard: () => '2s',
    description: 'Time before the one that is measured; 0 is none.',
    parse: parsePeriodOrNone,
  },
  durationMs: {
    flag: 'duration',
    variable: 'MILLRACE_LOAD_DURATION',
    placeholder: 'TIME',
    standard: () => '10s',
    description: 'Time that is measured.',
    parse: parsePeriod,
  },
  events: {
    flag: 'events',
    variable: 'MILLRACE_LOAD_EVENTS',
    placeholder: 'N',
    standard: () => 0,
    description: 'Send so many events instead, the first quarter as warm-up; 0 is by time.',
    parse: (given: Given) => parseWhole(given, 0, Number.MAX_SAFE_INTEGER),
  },
  seed: {
    flag: 'seed',
    variable: 'MILLRACE_LOAD_SEED',
    placeholder: 'N',
    standard: () => 1,
    description: 'Of the events: the same seed and options send the same ones, times apart.',
    parse: (given: Given) => parseWhole(given, 0, 2 ** 32 - 1),
  },
  producer: {
    flag: 'producer',
    variable: 'MILLRACE_LOAD_PRODUCER',
    placeholder: 'NAME',
    standard: () => 'load',
    description: 'Producers are named NAME-0, NAME-1 and so on; two loads need two names.',
    parse: parseProducer,
  },
} as const satisfies OptionTable

/** The exponent of Zipf's law; 0 is uniform. */
function parseSkew(given: Given): Parsed<number> {
  if (given === 'uniform') return { value: 0 }
  const exponent = Number(/^zipf:(\d+(?:\.\d+)?)$/.exec(String(given))?.[1])
  if (exponent > 0 && exponent <= 10) return { value: exponent }
  return { refused: `"${given}" is neither "uniform" nor such as "zipf:1.1", at most zipf:10` }
}

function parseShare(given: Given): Parsed<number> {
  const share = /^\d+(\.\d+)?$/.test(String(given).trim()) ? Number(given) : Number.NaN
  return share <= 1 ? { value: share } : { refused: `"${given}" is not a number from 0 to 1` }
}

function parseProducer(given: Given): Parsed<string> {
  const parsed = parseText(given)
  if ('refused' in parsed) return parsed
  // A dash and the number of the connection follow.
  const lengthMax = producerNameLengthMax - String(loadConnectionsMax).length - 1
  const isName = /^[\u0021-\u007e]+$/.test(parsed.value) && parsed.value.length <= lengthMax
  return isName
    ? parsed
    : { refused: `"${given}" is not 1 to ${lengthMax} printable ASCII characters without spaces` }
}
