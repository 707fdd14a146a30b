/** Variables that make programs write to a file or folder. */
import { known, type Arg } from '../shell/arg.ts'
import type { Call } from '../shell/scanned.ts'
import type { PathUse } from './path-use.ts'

/** Git writes only to absolute paths; `1` and `true` mean standard error. */
const TRACES = /^GIT_TRACE\w*$/
const WRITTEN =
  /^(NODE_(V8_COVERAGE|REDIRECT_WARNINGS|COMPILE_CACHE|REPL_HISTORY|REPORT_DIRECTORY)|SSLKEYLOGFILE|PYTHON(PYCACHEPREFIX|_HISTORY)|GCOV_(PREFIX|ERROR_FILE)|LLVM_PROFILE_FILE|GOCOVERDIR|GOBIN|COVERAGE_FILE|CARGO_TARGET_DIR|PIP_(LOG|TARGET|PREFIX)|MALLOC_TRACE|KRB5_TRACE|(LESS|MYSQL_)?HISTFILE|PSQL_HISTORY)$/
/** A path in a repository's own folder is common here, so that only other places count. */
const USED = /^(GIT_(INDEX_FILE|OBJECT_DIRECTORY|COMMON_DIR))$/

/** Whether programs write to the file or folder that the variable `name` holds. */
export function namesPath(name: string): boolean {
  return TRACES.test(name) || WRITTEN.test(name) || USED.test(name)
}

/** The paths that programs write, or use, because of these variables. */
export function variablePaths(assigned: Call['assigned'], home: string): PathUse[] {
  return assigned.flatMap(({ name, value }): PathUse[] => {
    if (!namesPath(name) || value?.value === '') return []
    const raw = `${name}=${value?.raw ?? '...'}`
    const arg = value === null ? null : expanded(value, raw, home)
    if (arg === null)
      return [{ arg: { raw, kind: 'dynamic', value: raw, head: '', many: false }, effect: 'write', recursive: false }]
    if (TRACES.test(name)) {
      const path = arg.kind === 'static' ? arg.value.replace(/^af_unix:(stream:|dgram:)?/, '') : arg.head
      if (path !== '' && !path.startsWith('/') && !path.startsWith('af_')) return []
      return [{ arg: arg.kind === 'static' ? known(path, raw) : arg, effect: 'write', recursive: false }]
    }
    return [{ arg, effect: USED.test(name) ? 'touch' : 'write', recursive: false }]
  })
}

function expanded(value: Arg, raw: string, home: string): Arg {
  // What `export` and `declare` are given keeps its tilde until here.
  return value.kind === 'static'
    ? known(
        value.value.replace(/^~(?=\/|$)/, () => home),
        raw,
      )
    : { ...value, raw }
}
