/** A file that is generated from the code. */
export interface Generator {
  /** Path of the file, relative to the repository root. */
  readonly file: string
  readonly generate: () => string | Promise<string>
}
