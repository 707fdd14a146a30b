import { posix } from 'node:path'
import type { TreeFiles } from '../files.ts'
import type { GateSpec } from '../port.ts'
import { recipes } from './makefile.ts'
import { packageScripts, scriptCall, type ScriptCall } from './packages.ts'
import { runnersOf, type Runner } from './runners.ts'
import { programName, simpleCommands, unwrapped } from './words.ts'

/** What a gate's command runs, as far as the tree tells. */
export interface Expansion {
  /** Every simple command found, without wrappers, with its working directory (relative to the root). */
  readonly commands: readonly { readonly words: readonly string[]; readonly cwd: string }[]
  /** Files of the tree that the command names: scripts, makefiles and task files, package.json. Sorted. */
  readonly scripts: readonly string[]
  /** Known test runners that the command starts, with the number of times. */
  readonly runners: ReadonlyMap<Runner, number>
  /** Whether it runs something in several packages or in a loop, so that runners may start more often than is visible. */
  readonly fanOut: boolean
  /** A project file that the command needs but the tree lacks; null: none. */
  readonly missing: string | null
}

/** How deep scripts are followed into other scripts. */
const DEEPEST = 6
const MOST_COMMANDS = 2000

/** Files that decide what a program does although the command does not name them. */
const TASK_FILES: Readonly<Record<string, readonly string[]>> = {
  just: ['justfile', 'Justfile', '.justfile'],
  task: ['Taskfile.yml', 'Taskfile.yaml', 'taskfile.yml'],
  tox: ['tox.ini', 'tox.toml', 'setup.cfg', 'pyproject.toml'],
  nox: ['noxfile.py'],
  rake: ['Rakefile', 'rakefile'],
  invoke: ['tasks.py'],
  inv: ['tasks.py'],
  composer: ['composer.json'],
  mise: ['mise.toml', '.mise.toml'],
  'pre-commit': ['.pre-commit-config.yaml'],
  nx: ['nx.json'],
  turbo: ['turbo.json'],
  lerna: ['lerna.json'],
  mvn: ['pom.xml'],
  gradle: ['build.gradle', 'build.gradle.kts'],
}

/** Settings of package managers, next to a package.json or in the root. */
const MANAGER_FILES = ['.npmrc', '.yarnrc', '.yarnrc.yml', 'pnpm-workspace.yaml', 'bunfig.toml']

const SHELLS = /^(ba|z|da|k|a)?sh$/
const INTERPRETERS = /^(node(js)?|bun|deno|tsx|ts-node|python[\d.]*|pypy[\d.]*|ruby|perl|php|Rscript|lua)$/
const SUFFIXES = ['', '.js', '.mjs', '.cjs', '.ts', '.mts', '.cts', '/index.js', '/index.mjs', '/index.ts']

/** Finds out what a gate runs, following scripts, package scripts and makefiles of the tree. */
export async function expandGate(gate: Pick<GateSpec, 'run' | 'cwd'>, files: TreeFiles): Promise<Expansion> {
  const walk = new Walk(files)
  const cwd = gate.cwd === null ? '' : inTree('', gate.cwd)
  if (cwd !== null) {
    if (typeof gate.run === 'string') await walk.text(gate.run, cwd, 0)
    else await walk.command([...gate.run], cwd, 0)
  }
  return {
    commands: walk.commands,
    scripts: [...walk.scripts].sort(),
    runners: walk.runners,
    fanOut: walk.fanOut,
    missing: walk.missing,
  }
}

class Walk {
  readonly commands: { words: readonly string[]; cwd: string }[] = []
  readonly scripts = new Set<string>()
  readonly runners = new Map<Runner, number>()
  fanOut = false
  missing: string | null = null
  readonly #files: TreeFiles
  readonly #seen = new Set<string>()

  constructor(files: TreeFiles) {
    this.#files = files
  }

  async text(text: string, cwd: string, depth: number): Promise<void> {
    if (/(^|[\s;])(for|while|until|xargs|find|parallel)\s/.test(text)) this.fanOut = true
    let folder: string | null = cwd
    for (const words of simpleCommands(text)) {
      if (words[0] === 'cd' || words[0] === 'pushd') {
        folder = folder === null ? null : inTree(folder, words.slice(1).find((w) => !w.startsWith('-')) ?? '')
      } else if (folder !== null) {
        await this.command(words, folder, depth)
      }
    }
  }

  async command(all: readonly string[], cwd: string, depth: number): Promise<void> {
    const words = unwrapped(all)
    const first = words[0]
    if (first === undefined || depth > DEEPEST || this.commands.length >= MOST_COMMANDS) return
    const atStart = this.commands.length === 0
    this.commands.push({ words, cwd })
    for (const runner of runnersOf(words)) this.runners.set(runner, (this.runners.get(runner) ?? 0) + 1)
    await this.#configurations(words, cwd)
    const program = programName(first)
    const call = scriptCall(words)
    if (call) await this.#package(call, cwd, depth)
    else if (SHELLS.test(program)) await this.#shell(words, cwd, depth, atStart)
    else if (first === '.' || first === 'source') await this.#script(words[1], cwd, depth, atStart)
    else if (program === 'make' || program === 'gmake') await this.#make(words, cwd, depth)
    else if (/^(npm-run-all\d?|run-s|run-p|concurrently|wsrun)$/.test(program))
      await this.#many(program, words, cwd, depth)
    else if (INTERPRETERS.test(program)) await this.#interpreter(words, cwd, depth, atStart)
    else if (first.includes('/')) await this.#script(first, cwd, depth, atStart)
    if (TASK_FILES[program]) await this.#taskFiles(TASK_FILES[program], cwd)
    await this.#project(program, words, cwd)
    if (['nx', 'turbo', 'lerna'].includes(program)) await this.#everyPackage('test', depth)
  }

  async #shell(words: readonly string[], cwd: string, depth: number, atStart: boolean): Promise<void> {
    const at = words.findIndex((w) => /^-[a-z]*c$/.test(w))
    const text = at === -1 ? undefined : words[at + 1]
    if (text !== undefined) await this.text(text, cwd, depth + 1)
    else
      await this.#script(
        words.slice(1).find((w) => !/^[-+]/.test(w)),
        cwd,
        depth,
        atStart,
      )
  }

  /** Follows a file that is run as a shell script or as a program. */
  async #script(named: string | undefined, cwd: string, depth: number, atStart: boolean): Promise<void> {
    const path = named === undefined ? null : inTree(cwd, named)
    if (path === null || path.split('/').includes('node_modules')) return
    const text = await this.#files.read(path)
    if (text === null) {
      // Only the first command's file must be in the tree; a later one may have been built by then.
      if (atStart && !named?.startsWith('/')) this.missing ??= path
      return
    }
    if (this.#seen.has(path)) return
    this.#seen.add(path)
    this.scripts.add(path)
    if (programName(path) === 'gradlew') await this.#taskFiles(TASK_FILES['gradle'] ?? [], cwd)
    else if (programName(path) === 'mvnw') await this.#taskFiles(TASK_FILES['mvn'] ?? [], cwd)
    else if (isShell(path, text)) await this.text(text, cwd, depth + 1)
  }

  async #interpreter(words: readonly string[], cwd: string, depth: number, atStart: boolean): Promise<void> {
    let i = 1
    for (; i < words.length && (words[i] ?? '').startsWith('-'); i++) {
      const word = words[i] ?? ''
      if (word === '-m') {
        const path = (words[i + 1] ?? '').replaceAll('.', '/')
        for (const file of [`${path}.py`, `${path}/__main__.py`]) await this.#add(cwd, file)
        return
      }
      if (/^(-e|-c|--eval|-p|--print)$/.test(word)) return
      if (/^(-r|--require|--import|--loader|--experimental-loader|--env-file|--config|-W)$/.test(word)) {
        await this.#add(cwd, words[++i])
      } else if (word.includes('=')) {
        await this.#add(cwd, word.slice(word.indexOf('=') + 1))
      }
    }
    // The remaining arguments are tests, not scripts of the gate.
    if (words.includes('--test')) return
    const named = words[i] === 'run' ? words[i + 1] : words[i]
    if (named === undefined || named === 'test') return
    for (const suffix of SUFFIXES) if (await this.#add(cwd, named + suffix)) return
    await this.#script(named, cwd, depth, atStart)
  }

  async #package(call: ScriptCall, cwd: string, depth: number): Promise<void> {
    if (call.fanOut) await this.#everyPackage(call.script, depth)
    const path = await this.#nearest('package.json', inTree(cwd, call.folder ?? '') ?? cwd)
    if (path === null) {
      this.missing ??= 'package.json'
      return
    }
    await this.#packageScript(path, call.script, depth, !call.fanOut)
  }

  async #packageScript(path: string, name: string, depth: number, needed: boolean): Promise<void> {
    const scripts = packageScripts((await this.#files.read(path)) ?? '', name)
    if (scripts === null) {
      if (needed) this.missing ??= `${path} scripts.${name}`
      if (!needed) return
    }
    this.scripts.add(path)
    // These files can set another script shell, one that does nothing.
    for (const file of MANAGER_FILES) for (const folder of ['', posix.dirname(path)]) await this.#add(folder, file)
    const key = `${path} ${name}`
    if (this.#seen.has(key)) return
    this.#seen.add(key)
    for (const script of scripts ?? [])
      await this.text(script, posix.dirname(path) === '.' ? '' : posix.dirname(path), depth + 1)
  }

  async #everyPackage(script: string, depth: number): Promise<void> {
    this.fanOut = true
    for (const path of await this.#files.list()) {
      if (programName(path) === 'package.json') await this.#packageScript(path, script, depth, false)
    }
  }

  async #many(program: string, words: readonly string[], cwd: string, depth: number): Promise<void> {
    this.fanOut = true
    for (const word of words.slice(1)) {
      if (word.startsWith('-')) continue
      if (program === 'concurrently' && !/^(npm|pnpm|yarn|bun):/.test(word)) {
        await this.text(word, cwd, depth + 1)
        continue
      }
      const pattern = word.replace(/^(npm|pnpm|yarn|bun):/, '')
      const path = await this.#nearest('package.json', cwd)
      if (path === null) continue
      const text = (await this.#files.read(path)) ?? ''
      const prefix = pattern.replace(/\*+$/, '')
      const names = pattern === prefix ? [pattern] : scriptNames(text).filter((name) => name.startsWith(prefix))
      for (const name of names) await this.#packageScript(path, name, depth, pattern === prefix)
    }
  }

  async #make(words: readonly string[], cwd: string, depth: number): Promise<void> {
    let folder: string | null = cwd
    let named: string | null = null
    const targets: string[] = []
    for (let i = 1; i < words.length; i++) {
      const word = words[i] ?? ''
      if (word === '-C') folder = inTree(folder ?? cwd, words[++i] ?? '')
      else if (word === '-f') named = words[++i] ?? null
      else if (word === '-j' && /^\d+$/.test(words[i + 1] ?? '')) i += 1
      else if (!word.startsWith('-') && !word.includes('=')) targets.push(word)
    }
    if (folder === null) return
    for (const name of named === null ? ['GNUmakefile', 'makefile', 'Makefile'] : [named]) {
      const path = inTree(folder, name)
      const text = path === null ? null : await this.#files.read(path)
      if (path === null || text === null) continue
      this.scripts.add(path)
      const lines = recipes(text, targets)
      if (lines === null) this.missing ??= `${path} ${targets.join(' ')}`
      for (const line of lines ?? []) await this.text(line.replaceAll('$(MAKE)', 'make'), folder, depth + 1)
      return
    }
    this.missing ??= inTree(folder, named ?? 'Makefile')
  }

  async #taskFiles(names: readonly string[], cwd: string): Promise<void> {
    for (const name of names) await this.#add(cwd, name)
  }

  /** Adds configuration files that a flag names, because they decide what runs. */
  async #configurations(words: readonly string[], cwd: string): Promise<void> {
    for (const [i, word] of words.entries()) {
      const value = /^(--config|-c|--rcfile|--configfile|--config-file)$/.test(word)
        ? words[i + 1]
        : /^(?:--config|--rcfile|--configfile|--config-file)=(.*)$/.exec(word)?.[1]
      if (value !== undefined && !value.includes('\n') && value.length < 500) await this.#add(cwd, value)
    }
  }

  /** Notes the project file without which a tool cannot work. */
  async #project(program: string, words: readonly string[], cwd: string): Promise<void> {
    const need = { cargo: 'Cargo.toml', go: 'go.mod', mvn: 'pom.xml' }[program]
    if (need === undefined || words.length < 2 || words.includes('--manifest-path')) return
    if ((await this.#nearest(need, cwd)) === null) this.missing ??= need
  }

  async #nearest(name: string, cwd: string): Promise<string | null> {
    for (let folder = cwd; ; folder = posix.dirname(folder) === '.' ? '' : posix.dirname(folder)) {
      const path = folder === '' ? name : `${folder}/${name}`
      if ((await this.#files.read(path)) !== null) return path
      if (folder === '') return null
    }
  }

  async #add(cwd: string, named: string | undefined): Promise<boolean> {
    const path = named === undefined || named === '' ? null : inTree(cwd, named)
    if (path === null || path === '' || path.split('/').includes('node_modules')) return false
    if ((await this.#files.read(path)) === null) return false
    this.scripts.add(path)
    return true
  }
}

function scriptNames(packageJson: string): readonly string[] {
  return [...packageJson.matchAll(/"([^"\\]+)"\s*:\s*"/g)].map((m) => m[1] ?? '')
}

function isShell(path: string, text: string): boolean {
  const shebang = /^#!.*?([\w.-]+)(?:\s+-\w+)?\s*$/m.exec(text.slice(0, 200))?.[1]
  return text.startsWith('#!') ? SHELLS.test(shebang ?? '') : /\.(sh|bash|zsh)$/.test(path) || !/\.[a-z]+$/i.test(path)
}

/** `named`, relative to the folder `cwd`, as a path in the tree; null: it is absolute, leads outside or contains a variable. */
function inTree(cwd: string, named: string): string | null {
  if (named.startsWith('/') || /[$~`*?]/.test(named)) return null
  const path = posix.normalize(posix.join(cwd, named))
  if (path === '..' || path.startsWith('../')) return null
  return path === '.' ? '' : path.replace(/\/$/, '')
}
