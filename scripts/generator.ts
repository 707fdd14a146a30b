/** A file that is made from the code. */
export interface Generator {
  /** Path of the file, relative to the repository root. */
  readonly file: string
  readonly generate: () => string | Promise<string>
}
