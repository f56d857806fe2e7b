/**
 * What the platform's Java client makes of answers, and where it would throw: names without a dot,
 * types that its enumeration does not have, integers that are no text, an empty vector.
 */

interface FeatureMetadata {
  readonly name?: unknown
  readonly effectiveTime?: unknown
  readonly dataType?: {
    readonly type?: unknown
    readonly elementType?: { readonly type?: unknown }
  }
  readonly status?: unknown
}

export interface JavaFeature {
  readonly namespace: string
  readonly name: string
  readonly value: unknown
  readonly status: string | null
  readonly effectiveTime: Date | null
}

type JoinKeys = Readonly<Record<string, string | null>>

export class JavaClient {
  readonly #url: string

  constructor(url: string) {
    this.#url = url
  }

  async getFeatures(
    service: string,
    joinKeys: JoinKeys,
    flags: readonly string[] = [],
    context: Readonly<Record<string, unknown>> | null = null,
  ): Promise<JavaFeature[]> {
    const body = await this.#post('get-features', {
      feature_service_name: service,
      join_key_map: joinKeys,
      metadata_options: optionsOf(flags),
      request_context_map: context,
      workspace_name: 'testWorkspaceName',
    })
    const { result, metadata } = body as { result: unknown; metadata?: Told }
    return vectorOf(result, featuresOf(metadata), null)
  }

  async getFeaturesBatch(
    service: string,
    rows: readonly JoinKeys[],
    flags: readonly string[] = [],
  ): Promise<JavaFeature[][]> {
    const body = await this.#post('get-features-batch', {
      feature_service_name: service,
      metadata_options: optionsOf(flags),
      request_data: rows.map((join_key_map) => ({ join_key_map })),
      workspace_name: 'testWorkspaceName',
    })
    const { result, metadata } = body as { result: unknown; metadata?: Told }
    if (!Array.isArray(result)) throw new Error('Expected BEGIN_ARRAY at $.result')
    const slo = metadata?.sloInfo
    if (slo !== undefined && (!Array.isArray(slo) || slo.length !== result.length)) {
      throw new Error('IndexOutOfBoundsException: sloInfo')
    }
    const features = featuresOf(metadata)
    return result.map((row: unknown, n) => vectorOf(row, features, n))
  }

  async getMetadata(service: string): Promise<string[]> {
    const params = { feature_service_name: service, workspace_name: 'testWorkspaceName' }
    const body = (await this.#post('metadata', params)) as { featureValues: FeatureMetadata[] }
    for (const each of body.featureValues) typeOf(each)
    return body.featureValues.map(({ name }) => String(name))
  }

  async #post(path: string, params: object): Promise<unknown> {
    const response = await fetch(`${this.#url}/api/v1/feature-service/${path}`, {
      method: 'POST',
      headers: {
        accept: 'application/json',
        authorization: 'Tecton-key secret',
        'content-type': 'application/json',
        'user-agent': 'tecton-http-java-client 0.9.2',
      },
      body: JSON.stringify({ params }),
    })
    if (response.ok) return response.json()
    const { code, message } = (await response.json()) as { code: number; message: string }
    throw new Error(`${response.status} ${response.statusText} ${code}: ${message}`)
  }
}

interface Told {
  readonly features?: readonly FeatureMetadata[]
  readonly sloInfo?: unknown
}

function optionsOf(flags: readonly string[]): object {
  const all = ['include_names', 'include_data_types', ...flags]
  return Object.fromEntries(all.map((flag) => [flag, true]))
}

function featuresOf(metadata: Told | undefined): readonly FeatureMetadata[] {
  if (!Array.isArray(metadata?.features)) throw new Error('NullPointerException: features')
  return metadata.features as readonly FeatureMetadata[]
}

/** @param row  In a batch, where statuses are lists. */
function vectorOf(
  result: unknown,
  features: readonly FeatureMetadata[],
  row: number | null,
): JavaFeature[] {
  const values = (result as { features?: unknown }).features
  if (!Array.isArray(values) || values.length === 0) {
    throw new Error('Received empty feature vector from Tecton')
  }
  return values.map((value: unknown, n) => featureOf(value, features[n]!, row))
}

function featureOf(value: unknown, told: FeatureMetadata, row: number | null): JavaFeature {
  const { name, effectiveTime, status } = told
  if (typeof name !== 'string' || name === '') throw new Error('Feature name missing')
  const parts = name.split('.')
  if (parts.length !== 2) throw new Error(`ArrayIndexOutOfBoundsException: ${name}`)
  const one = row === null ? status : (status as readonly unknown[] | undefined)?.[row]
  if (row !== null && status !== undefined && !Array.isArray(status)) {
    throw new Error('Expected BEGIN_ARRAY at $.metadata.features.status')
  }
  return {
    namespace: parts[0]!,
    name: parts[1]!,
    value: castTo(typeOf(told), value, name),
    status: one === undefined ? null : (one as string),
    effectiveTime: effectiveTime === undefined ? null : offsetDateTime(effectiveTime),
  }
}

const scalars = ['boolean', 'int64', 'string', 'float64', 'float32']
const elements = ['int64', 'string', 'float32', 'float64']

/** `int64`, or `int64[]`. */
function typeOf({ dataType }: FeatureMetadata): string {
  const type = dataType?.type
  if (type === 'array') {
    const element = String(dataType!.elementType?.type)
    if (elements.includes(element)) return `${element}[]`
    throw new Error('Unsupported data type detected for array feature values')
  }
  if (typeof type === 'string' && scalars.includes(type)) return type
  throw new Error(`NoSuchElementException: ${String(type)}`)
}

function castTo(type: string, value: unknown, name: string): unknown {
  if (value === null) return null
  if (type.endsWith('[]')) {
    if (!Array.isArray(value)) throw castError(name)
    return value.map((each: unknown) => castTo(type.slice(0, -2), each, name))
  }
  switch (type) {
    case 'boolean':
      if (typeof value === 'boolean') return value
      throw castError(name)
    case 'int64':
      if (typeof value === 'string' && /^-?\d+$/.test(value)) return BigInt(value)
      throw castError(name)
    case 'string':
      if (typeof value === 'string') return value
      throw castError(name)
    default:
      if (typeof value === 'number') return value
      if (value === 'null') return null
      if (['NaN', 'Infinity', '-Infinity'].includes(value as string)) return Number(value)
      throw castError(name)
  }
}

function castError(name: string): Error {
  return new Error(`Unable to cast response for field ${name}`)
}

/** `OffsetDateTime.parse`: it wants an offset, and takes up to nine digits. */
function offsetDateTime(text: unknown): Date {
  const form = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)$/
  if (typeof text !== 'string' || !form.test(text)) throw new Error('DateTimeParseException')
  return new Date(text)
}
