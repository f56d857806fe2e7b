/**
 * Facts about the text of one TypeScript file: its code without comments and strings, its imports,
 * its functions.
 *
 * Not a parser: it relies on the formatter having run, which the same gate checks.
 */

/** One import or re-export. */
export interface Import {
  readonly specifier: string
  /** Nothing of it is left at run time. */
  readonly typeOnly: boolean
}

/** One function with a body; `line` counts from 1, `lines` from its first line to its last. */
export interface FunctionSpan {
  readonly line: number
  readonly lines: number
}

const comment = /\/\/[^\n]*|\/\*[^]*?\*\//y
const quoted = /'(?:\\[^]|[^'\\\n])*'|"(?:\\[^]|[^"\\\n])*"/y
const regex = /\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*/y
const template = /[`}](?:\\[^]|\$(?!\{)|[^`\\$])*(?:`|\$\{)/y
/** What stands before a `/` that begins a regular expression and does not divide. */
const beforeRegex = /(?:^|[(,=:[!&|?{};+\-*%<>~^\n]|\b(?:return|typeof|case|of|in))\s*$/

/** The text with comments, strings and regular expressions blanked; every offset is kept. */
export function codeOf(text: string): string {
  let code = ''
  /** For each template that is open: braces opened within its current `${`. */
  const depths: number[] = []
  const take = (pattern: RegExp): string => {
    pattern.lastIndex = code.length
    return pattern.exec(text)?.[0] ?? ''
  }
  while (code.length < text.length) {
    const character = text[code.length]!
    const closes = character === '}' && depths.at(-1) === 0
    let skipped = ''
    if (character === '/') {
      skipped = take(comment)
      if (skipped === '' && beforeRegex.test(code.slice(-40))) skipped = take(regex)
    } else if (character === '`' || closes) {
      skipped = take(template)
      if (closes) depths.pop()
      if (skipped.endsWith('${')) depths.push(0)
    } else if (character === "'" || character === '"') skipped = take(quoted)
    else if (depths.length > 0 && '{}'.includes(character)) {
      depths.push(depths.pop()! + (character === '{' ? 1 : -1))
    }
    code += skipped === '' ? character : skipped.replaceAll(/[^\n]/g, ' ')
  }
  return code
}

const importing =
  /^(?:import|export)\s+(?:(type)\s+)?(?:([^'";]*?)\s+from\s+)?'([^']+)'|\bimport\(\s*'([^']+)'/gm

/** The imports of a file, static and dynamic, in order. */
export function importsOf(text: string, code = codeOf(text)): Import[] {
  return [...text.matchAll(importing)]
    .filter((match) => /^(?:import|export)/.test(code.slice(match.index)))
    .map(([, type, names, from, dynamic]) => ({
      specifier: from ?? dynamic!,
      typeOnly: type !== undefined || onlyTypes(names),
    }))
}

function onlyTypes(names: string | undefined): boolean {
  const list = /^\{([^]*)\}$/.exec(names ?? '')?.[1]?.split(',') ?? []
  const written = list.map((name) => name.trim()).filter((name) => name !== '')
  return written.length > 0 && written.every((name) => name.startsWith('type '))
}

const functionHead = new RegExp(
  [
    String.raw`^\s*(?:export |default |async )*function\b`,
    String.raw`=> \{$`,
    String.raw`^\s+(?:static |async |get |set |\*)*(?:#?[\w$]+|\[[\w.]+\])(?:<.*>)?\(`,
  ].join('|'),
)

/** The functions of a file: methods, functions and arrow functions with a body. */
export function functionsOf(code: string): FunctionSpan[] {
  const lines = code.split('\n').map((line) => line.trimEnd())
  return lines.flatMap((line, i) => {
    if (!functionHead.test(line)) return []
    const indent = /^\s*/.exec(line)![0]
    /** The next line of the same indentation that begins with one of `closings`. */
    const next = (from: number, closings: string): number =>
      lines.findIndex((text, n) => {
        if (n <= from || !text.startsWith(indent)) return false
        return text.length > indent.length && closings.includes(text[indent.length]!)
      })
    // Parameters on lines of their own: the body opens on the line of the closing parenthesis.
    const open = /[(<]$/.test(line) ? next(i, ')>') : i
    if (open < 0 || !lines[open]!.endsWith('{')) return []
    let end = next(open, '}')
    // The brace of a return type that opens the body on the same line.
    while (end >= 0 && lines[end]!.endsWith('{')) end = next(end, '}')
    return end < 0 ? [] : [{ line: i + 1, lines: end - i + 1 }]
  })
}
