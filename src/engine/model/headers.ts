/**
 * The part of the global `Headers` class that the model SDKs use. The build substitutes this class (rolldown.config.ts),
 * because the first use of the global one loads a whole HTTP client.
 */
export class Headers {
  readonly #values = new Map<string, string>()

  constructor(init?: Iterable<readonly [string, string]> | Readonly<Record<string, string>> | null) {
    if (init === undefined || init === null) return
    const entries = Symbol.iterator in init ? init : Object.entries(init)
    for (const [name, value] of entries) this.append(name, value)
  }

  append(name: string, value: string): void {
    const before = this.get(name)
    this.set(name, before === null ? value : `${before}, ${value}`)
  }

  set(name: string, value: string): void {
    const text = value.trim()
    if (/[\r\n\0]/.test(text) || !/^[!#$%&'*+.^_`|~\w-]+$/.test(name))
      throw new TypeError(`"${name}" is no HTTP header`)
    this.#values.set(name.toLowerCase(), text)
  }

  get(name: string): string | null {
    return this.#values.get(name.toLowerCase()) ?? null
  }

  has(name: string): boolean {
    return this.#values.has(name.toLowerCase())
  }

  delete(name: string): void {
    this.#values.delete(name.toLowerCase())
  }

  forEach(each: (value: string, name: string, headers: Headers) => void): void {
    for (const [name, value] of this) each(value, name, this)
  }

  keys(): IterableIterator<string> {
    return this.#values.keys()
  }

  values(): IterableIterator<string> {
    return this.#values.values()
  }

  entries(): IterableIterator<[string, string]> {
    return this.#values.entries()
  }

  [Symbol.iterator](): IterableIterator<[string, string]> {
    return this.entries()
  }
}

/** Substitutes the global class too. Models are sent JSON, so nothing is ever an instance. @public (used by the build) */
// oxlint-disable-next-line no-extraneous-class -- `instanceof` needs one
export class FormData {}
