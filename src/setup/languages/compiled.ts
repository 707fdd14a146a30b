import { present, type Detector, type FoundCommand } from '../ecosystem.ts'
import { tomlOf, tree, type Folder } from '../folder.ts'

export const go: Detector = (folder, tools) => {
  const workspace = folder.has('go.work')
  if (!folder.has('go.mod') && !workspace) return null
  // In a workspace, ./... covers only the module at the root.
  const packages = workspace ? "$(go list -f '{{.Dir}}/...' -m)" : './...'
  const requires = workspace || /^require\b/m.test(folder.text('go.mod') ?? '')
  const lint = present(folder, ['.golangci.yml', '.golangci.yaml', '.golangci.toml', '.golangci.json'])[0]
  const locks = present(folder, ['go.sum', 'go.work.sum'])
  return {
    language: 'Go',
    manager: 'go',
    gates: [
      { run: `go test ${packages}`, why: workspace ? 'go.work' : 'go.mod' },
      { run: `go vet ${packages}`, why: 'suspicious code' },
      ...(lint && tools.installed('golangci-lint') ? [{ run: 'golangci-lint run', why: lint }] : []),
    ],
    setup: requires ? [{ run: 'go mod download', why: locks[0] ?? 'go.mod' }] : [],
    inputs: requires ? (locks.length > 0 ? locks : present(folder, ['go.mod'])) : [],
    byproducts: [],
    programs: ['go'],
    notes: [],
  }
}

export const rust: Detector = (folder) => {
  if (!folder.has('Cargo.toml')) return null
  const manifest = tomlOf(folder, 'Cargo.toml')
  const locked = folder.has('Cargo.lock')
  const workspace = manifest['workspace'] !== undefined
  const dependencies = ['dependencies', 'dev-dependencies', 'build-dependencies'].some(
    (key) => Object.keys(tree(manifest[key])).length > 0,
  )
  const formatted = present(folder, ['rustfmt.toml', '.rustfmt.toml'])[0]
  const linted = present(folder, ['clippy.toml', '.clippy.toml'])[0]
  const all = workspace ? ' --workspace' : ''
  return {
    language: 'Rust',
    manager: 'cargo',
    gates: [
      { run: `cargo test${all}`, why: 'Cargo.toml' },
      ...(linted ? [{ run: `cargo clippy${all} --all-targets -- -D warnings`, why: linted }] : []),
      ...(formatted ? [{ run: 'cargo fmt --check', why: formatted }] : []),
    ],
    setup:
      dependencies || workspace
        ? [{ run: `cargo fetch${locked ? ' --locked' : ''}`, why: locked ? 'Cargo.lock' : 'Cargo.toml' }]
        : [],
    inputs: dependencies || workspace ? [locked ? 'Cargo.lock' : 'Cargo.toml'] : [],
    byproducts: locked ? ['target'] : ['target', 'Cargo.lock'],
    programs: ['cargo'],
    notes: [],
  }
}

/** Maven and Gradle. The test command itself fetches dependencies, into the user's own cache. */
export const java: Detector = (folder) => {
  if (folder.has('pom.xml')) {
    return {
      ...JVM,
      manager: 'maven',
      gates: [maven(folder)],
      byproducts: ['target'],
      programs: folder.has('mvnw') ? ['java'] : ['mvn'],
    }
  }
  const build = present(folder, ['build.gradle', 'build.gradle.kts', 'settings.gradle', 'settings.gradle.kts'])[0]
  if (!build) return null
  const program = wrapper(folder, 'gradlew') ?? 'gradle'
  return {
    ...JVM,
    language: build.endsWith('.kts') && folder.find(6, (name) => name.endsWith('.kt')).length > 0 ? 'Kotlin' : 'Java',
    manager: 'gradle',
    // A daemon would outlive the gate.
    gates: [{ run: `${program} --no-daemon --console=plain test`, why: build }],
    byproducts: ['build', '.gradle'],
    programs: folder.has('gradlew') ? ['java'] : ['gradle'],
  }
}

const JVM = { language: 'Java', setup: [], inputs: [], notes: [] } as const

function maven(folder: Folder): FoundCommand {
  return { run: `${wrapper(folder, 'mvnw') ?? 'mvn'} --batch-mode test`, why: 'pom.xml' }
}

/** The wrapper script in the project, as a command; null: there is none. */
function wrapper(folder: Folder, name: string): string | null {
  if (!folder.has(name)) return null
  return folder.executable(name) ? `./${name}` : `sh ./${name}`
}

export const dotnet: Detector = (folder) => {
  const named = folder.names().filter((name) => /\.(slnx?|csproj|fsproj|vbproj)$/.test(name))
  const main = named.find((name) => /\.slnx?$/.test(name)) ?? named[0]
  if (!main) return null
  const projects = folder.find(3, (name) => /\.(cs|fs|vb)proj$/.test(name))
  const hasTests = projects.some((name) =>
    /Microsoft\.NET\.Test\.Sdk|IsTestProject|MSTest\.Sdk|TUnit/.test(folder.text(name) ?? ''),
  )
  const locks = folder.find(3, (name) => name === 'packages.lock.json')
  return {
    language: '.NET',
    manager: 'dotnet',
    gates: [
      hasTests ? { run: 'dotnet test', why: main } : { run: 'dotnet build', why: `${main}, without a test project` },
    ],
    setup: [{ run: `dotnet restore${locks.length > 0 ? ' --locked-mode' : ''}`, why: main }],
    inputs: locks.length > 0 ? locks : projects.slice(0, 20),
    byproducts: ['bin', 'obj'],
    programs: ['dotnet'],
    notes: [],
  }
}
