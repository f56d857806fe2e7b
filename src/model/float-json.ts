/**
 * Floats in JSON, which has no number for some: those are strings, as protobuf writes them. The one
 * place that knows which.
 */

/** The strings that stand for floats, each what `Number` makes of it. */
export const nonFiniteTexts: readonly string[] = ['NaN', 'Infinity', '-Infinity']

/** The JSON form of a float. */
export function floatJson(value: number): number | string {
  return Number.isFinite(value) ? value : String(value)
}

/** The same as the text of JSON. */
export function floatText(value: number): string {
  return Number.isFinite(value) ? `${value}` : `"${value}"`
}

/** The float that a string stands for; null when it stands for none. */
export function floatOfText(text: string): number | null {
  return nonFiniteTexts.includes(text) ? Number(text) : null
}
