/**
 * What the platform's Python client makes of answers, and where it would raise: it expands `result`
 * as keyword arguments, converts values by the types in the metadata, and reads the message of
 * every refusal from JSON.
 */

/** A type as the metadata have it. */
interface DataType {
  readonly type: string
  readonly elementType?: DataType
  readonly keyType?: DataType
  readonly valueType?: DataType
  readonly fields?: readonly { readonly name: string; readonly dataType: DataType }[]
}

interface FeatureMetadata {
  readonly name?: string
  readonly dataType?: DataType
  readonly effectiveTime?: string
  readonly status?: string
}

/** An answer, as the client gives it to its caller. */
export interface PythonAnswer {
  readonly values: readonly unknown[]
  /** Values by name, converted. */
  readonly features: Readonly<Record<string, unknown>>
  readonly metadata: readonly FeatureMetadata[]
}

export interface PythonMetadata {
  readonly featureNames: readonly string[]
  readonly joinKeys: readonly string[]
}

/** What the client raises, by status; of any other status it has no class. */
const errorClasses: Readonly<Record<number, string>> = {
  400: 'BadRequestError',
  401: 'UnauthorizedError',
  403: 'ForbiddenError',
  404: 'NotFoundError',
  429: 'ResourceExhaustedError',
  503: 'ServiceUnavailableError',
  504: 'GatewayTimeoutError',
}

/** `BadRequestError: message` */
class PythonError extends Error {
  constructor(status: number, message: string) {
    super(`${errorClasses[status] ?? `status ${status}`}: ${message}`)
    this.name = 'PythonError'
  }
}

interface PythonRequest {
  readonly service: string
  readonly joinKeys: Readonly<Record<string, string | number | null>>
  /** Request data. */
  readonly context?: Readonly<Record<string, unknown>>
  /** Flags beyond names and types. */
  readonly flags?: Readonly<Record<string, boolean>>
}

export class PythonClient {
  readonly #url: string

  constructor(url: string) {
    this.#url = url
  }

  async getFeatures(request: PythonRequest): Promise<PythonAnswer> {
    const { service, joinKeys, context = {}, flags = {} } = request
    const params = {
      workspaceName: 'workspace',
      featureServiceName: service,
      joinKeyMap: joinKeys,
      requestContextMap: context,
      allowPartialResults: false,
      metadataOptions: {
        includeNames: true,
        includeDataTypes: true,
        includeEffectiveTimes: false,
        includeSloInfo: false,
        includeServingStatus: false,
        includeFeatureDescriptions: false,
        includeFeatureTags: false,
        ...flags,
      },
      requestOptions: { readFromCache: true, writeToCache: true },
    }
    const answer = await this.#post('get-features', params)
    const result = objectOf(answer['result'], 'result')
    for (const member of Object.keys(result)) {
      if (member !== 'features') throw new Error(`unexpected keyword argument '${member}'`)
    }
    const values = listOf(result['features'], 'features')
    const metadata =
      answer['metadata'] === undefined ? {} : objectOf(answer['metadata'], 'metadata')
    if (metadata['sloInfo'] !== undefined) assertSlo(objectOf(metadata['sloInfo'], 'sloInfo'))
    const told = listOf(metadata['features'] ?? [], 'features') as FeatureMetadata[]
    if (told.length !== values.length) throw new Error('metadata and values differ in length')
    const features = values.map((value, n) => {
      const { name, dataType } = told[n]!
      if (typeof name !== 'string' || dataType === undefined) throw new Error('KeyError')
      return [name, converted(dataType, value)] as const
    })
    return { values, features: Object.fromEntries(features), metadata: told }
  }

  async getMetadata(service: string): Promise<PythonMetadata> {
    const params = { workspaceName: 'workspace', featureServiceName: service }
    const answer = await this.#post('metadata', params)
    const namesOf = (member: unknown): string[] =>
      listOf(member, 'fields').map((field) => {
        const { name, dataType } = objectOf(field, 'field')
        if (typeof name !== 'string') throw new Error('KeyError: name')
        assertType(objectOf(dataType, 'dataType') as unknown as DataType)
        return name
      })
    return {
      featureNames: namesOf(answer['featureValues']),
      joinKeys: namesOf(answer['inputJoinKeys'] ?? []),
    }
  }

  async #post(path: string, params: object): Promise<Record<string, unknown>> {
    const response = await fetch(new URL(`/api/v1/feature-service/${path}`, this.#url), {
      method: 'POST',
      headers: {
        authorization: 'Tecton-key secret',
        'content-type': 'application/json',
        'user-agent': 'tecton-http-python-client 0.3.0',
      },
      body: JSON.stringify({ params }),
    })
    if (response.ok) return objectOf(await response.json(), 'body')
    if (errorClasses[response.status] === undefined) throw new PythonError(response.status, '')
    const { message } = objectOf(await response.json(), 'error')
    if (typeof message !== 'string') throw new Error('KeyError: message')
    throw new PythonError(response.status, message)
  }
}

function assertSlo(slo: Readonly<Record<string, unknown>>): void {
  if (typeof slo['sloEligible'] !== 'boolean') throw new Error('KeyError: sloEligible')
  const numbers = ['sloServerTimeSeconds', 'serverTimeSeconds', 'storeMaxLatency']
  for (const name of [...numbers, 'storeResponseSizeBytes']) {
    if (slo[name] !== undefined && typeof slo[name] !== 'number') throw new Error(`${name}?`)
  }
}

function converted({ type, ...more }: DataType, value: unknown): unknown {
  if (value === null) return null
  switch (type) {
    case 'int64':
      return intOf(value)
    case 'float64':
    case 'float32':
      if (typeof value === 'number') return value
      if (/^(?:NaN|-?Infinity)$/.test(textOf(value))) return Number(value)
      throw new Error(`could not convert to float: ${textOf(value)}`)
    case 'boolean':
      if (typeof value !== 'boolean') throw new Error('not a bool')
      return value
    case 'string':
    case 'timestamp':
      return textOf(value)
    case 'array':
      return listOf(value, 'array').map((each) => converted(more.elementType!, each))
    case 'struct': {
      const values = listOf(value, 'struct')
      const fields = more.fields!
      if (values.length !== fields.length) throw new Error('fields and values differ in length')
      return Object.fromEntries(
        fields.map(({ name, dataType }, n) => [name, converted(dataType, values[n])]),
      )
    }
    case 'map':
      return Object.fromEntries(
        Object.entries(objectOf(value, 'map')).map(([name, each]) => {
          return [converted(more.keyType!, name), converted(more.valueType!, each)]
        }),
      )
    default:
      throw new Error(`unknown data type ${type}`)
  }
}

/** Python's `int` of text. */
function intOf(value: unknown): bigint {
  if (!/^-?\d+$/.test(textOf(value))) throw new Error(`invalid literal for int: ${textOf(value)}`)
  return BigInt(value as string)
}

/** That the client has a class for the type and all within. */
function assertType({ type, elementType, keyType, valueType, fields }: DataType): void {
  const known = 'boolean int64 string float64 float32 array struct map timestamp'.split(' ')
  if (!known.includes(type)) throw new Error(`unknown data type ${type}`)
  if (type === 'array') assertType(elementType!)
  if (type === 'map') for (const each of [keyType!, valueType!]) assertType(each)
  if (type === 'struct') for (const { dataType } of fields!) assertType(dataType)
}

function textOf(value: unknown): string {
  if (typeof value !== 'string') throw new Error(`not a str: ${JSON.stringify(value)}`)
  return value
}

function listOf(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error(`${what} is not a list`)
  return value
}

function objectOf(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error(`${what} is not a dict`)
  }
  return value as Record<string, unknown>
}
