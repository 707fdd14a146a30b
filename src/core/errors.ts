/** An error as `--json` prints it. */
export interface ErrorShape {
  code: string
  message: string
  expected: string | null
  received: string | null
  next: string | null
}

export interface ErrorDetails {
  /** Exit status of the process. Default 2: the user can fix it. */
  exit?: number
  expected?: string
  received?: string
  /** The next action, as a sentence or a command. */
  next?: string
  cause?: unknown
}

/** An expected failure, as the user sees it: a stable code, a sentence, what was expected and received, and what to do next. */
export class BelayError extends Error {
  readonly code: string
  readonly exit: number
  readonly expected: string | null
  readonly received: string | null
  readonly next: string | null

  constructor(code: string, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'BelayError'
    this.code = code
    this.exit = details.exit ?? 2
    this.expected = details.expected ?? null
    this.received = details.received ?? null
    this.next = details.next ?? null
  }

  shape(): ErrorShape {
    return {
      code: this.code,
      message: this.message,
      expected: this.expected,
      received: this.received,
      next: this.next,
    }
  }
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

const NO_ROOM = new Set(['ENOSPC', 'EDQUOT', 'EROFS'])

/** Whether an error means that nothing more can be written: the disk is full, the quota is used up, or it is read-only. */
export function isNoRoom(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown }
  return typeof code === 'string' && NO_ROOM.has(code)
}

/**
 * Turns what the system throws for a full or read-only disk, an unusable folder or missing permissions into a `BelayError` that
 * says what to do; returns anything else unchanged.
 */
export function knownFailure(error: unknown): unknown {
  if (error instanceof BelayError) return error
  if (isNoRoom(error)) return diskFull(messageOf(error), error)
  const { code, path, syscall } = (error ?? {}) as { code?: unknown; path?: unknown; syscall?: unknown }
  // The folder cannot be created because of what is above it: a file, or a file system that allows no new entries.
  if ((code === 'ENOTDIR' || (code === 'ENOENT' && syscall === 'mkdir')) && typeof path === 'string') {
    return new BelayError('folder_unusable', messageOf(error), {
      expected: 'a folder that can be made and written',
      received: path,
      next: 'look at what is there: ls -ld, for it and the folders above it; BELAY_HOME names another state folder',
      cause: error,
    })
  }
  if ((code !== 'EACCES' && code !== 'EPERM') || typeof path !== 'string') return error
  return new BelayError('not_permitted', messageOf(error), {
    expected: 'a file or folder that you may read and write',
    received: path,
    next: 'look at whose it is: ls -ld, for it and the folders above it; BELAY_HOME names another state folder',
    cause: error,
  })
}

/** The disk is full, in the middle of work that can continue later. */
export function diskFull(said: string, cause?: unknown): BelayError {
  return new BelayError('disk_full', `the disk is full or cannot be written: ${said}`, {
    exit: 1,
    expected: 'free space',
    next: 'free some space (belay clean: workspaces of ended runs, belay session cleanup: old sessions), then go on (belay resume, or the same command)',
    cause,
  })
}
