/**
 * A strict reader of Prometheus' text format 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format): it throws at everything that a
 * server of Prometheus would refuse, and at what it would take without a word and misread.
 */

export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export interface Family {
  readonly name: string
  readonly help: string
  readonly type: string
  readonly samples: readonly Sample[]
}

const metricName = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/
const suffixes: Readonly<Record<string, readonly string[]>> = {
  counter: [''],
  gauge: [''],
  histogram: ['_bucket', '_sum', '_count'],
}

/** The families of a page by their names. */
export function parseExposition(text: string): Map<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the last line does not end')
  const families = new Map<string, { name: string; help: string; type: string; samples: Sample[] }>()
  const seen = new Set<string>()
  let help: { name: string; text: string } | undefined
  let current: { name: string; help: string; type: string; samples: Sample[] } | undefined
  for (const line of text.slice(0, -1).split('\n')) {
    if (line === '') continue
    const comment = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line)
    if (comment?.[1] === 'HELP') {
      help = { name: named(comment[2]!), text: plain(comment[3]!, 'n\\') }
      current = undefined
    } else if (comment?.[1] === 'TYPE') {
      const [, , name = '', type = ''] = comment
      if (help?.name !== name) throw new Error(`TYPE of ${name} does not follow its HELP`)
      if (families.has(name)) throw new Error(`${name} is described twice`)
      if (!(type in suffixes)) throw new Error(`unknown type ${type}`)
      current = { name, help: help.text, type, samples: [] }
      families.set(name, current)
    } else {
      const sample = parseSample(line)
      const series = JSON.stringify([sample.name, Object.entries(sample.labels).sort()])
      if (seen.has(series)) throw new Error(`twice: ${line}`)
      seen.add(series)
      const family = current
      if (family === undefined || !suffixes[family.type]!.some((each) => sample.name === family.name + each)) {
        throw new Error(`does not belong to ${family?.name}: ${line}`)
      }
      family.samples.push(sample)
    }
  }
  for (const family of families.values()) checkFamily(family)
  return families
}

function parseSample(line: string): Sample {
  const match = /^([^{ ]+)(?:\{(.*)\})? (\S+)$/.exec(line)
  if (match === null) throw new Error(`no sample: ${line}`)
  const [, name = '', labels, value = ''] = match
  return { name: named(name), labels: labels === undefined ? {} : parseLabels(labels), value: number(value) }
}

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {}
  let rest = text
  while (rest !== '') {
    const match = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(?:,(?=.)|$)/su.exec(rest)
    if (match === null) throw new Error(`bad labels: ${text}`)
    const [whole, name = '', value = ''] = match
    if (name in labels) throw new Error(`label ${name} twice: ${text}`)
    labels[name] = plain(value, 'n\\"')
    rest = rest.slice(whole.length)
  }
  return labels
}

function named(name: string): string {
  if (!metricName.test(name)) throw new Error(`bad name: ${name}`)
  return name
}

function number(text: string): number {
  if (text === '+Inf') return Number.POSITIVE_INFINITY
  if (!/^-?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/.test(text)) throw new Error(`no number: ${text}`)
  return Number(text)
}

function plain(text: string, allowed: string): string {
  return text.replace(/\\(.?)/gsu, (_, sign: string) => {
    if (sign === '' || !allowed.includes(sign)) throw new Error(`bad escape \\${sign} in ${text}`)
    return sign === 'n' ? '\n' : sign
  })
}

function checkFamily({ name, type, samples }: Family): void {
  if (type === 'counter' && !name.endsWith('_total')) throw new Error(`the counter ${name} does not end with _total`)
  if (type === 'counter' && samples.some(({ value }) => value < 0)) throw new Error(`${name} is less than 0`)
  if (type === 'histogram') for (const series of histograms(samples).values()) checkHistogram(name, series)
}

/** The samples of a histogram, by their labels without `le`. */
export function histograms(samples: readonly Sample[]): Map<string, Sample[]> {
  const series = new Map<string, Sample[]>()
  for (const sample of samples) {
    const { le: _, ...labels } = sample.labels
    const key = JSON.stringify(Object.entries(labels).sort())
    series.set(key, [...(series.get(key) ?? []), sample])
  }
  return series
}

function checkHistogram(name: string, samples: readonly Sample[]): void {
  const buckets = samples.filter((sample) => sample.name === `${name}_bucket`)
  const bounds = buckets.map(({ labels }) => number(labels.le ?? 'missing'))
  const total = samples.find((sample) => sample.name === `${name}_count`)
  const sum = samples.find((sample) => sample.name === `${name}_sum`)
  if (total === undefined || sum === undefined) throw new Error(`${name} has no sum or no count`)
  if (bounds.at(-1) !== Number.POSITIVE_INFINITY) throw new Error(`${name} does not end with +Inf`)
  for (let i = 1; i < buckets.length; i++) {
    if (bounds[i]! <= bounds[i - 1]!) throw new Error(`the bounds of ${name} do not grow`)
    if (buckets[i]!.value < buckets[i - 1]!.value) throw new Error(`the buckets of ${name} are not cumulative`)
  }
  if (buckets.at(-1)!.value !== total.value) throw new Error(`+Inf of ${name} is not its count`)
}
