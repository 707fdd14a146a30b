import { present, type Detector, type FoundCommand } from '../ecosystem.ts'
import { jsonOf, tree, type Folder } from '../folder.ts'

export const ruby: Detector = (folder) => {
  const gemspec = folder.names().find((name) => name.endsWith('.gemspec'))
  const bundled = folder.has('Gemfile')
  if (!bundled && !gemspec && !folder.has('Rakefile')) return null
  const locked = folder.has('Gemfile.lock')
  const prefix = bundled ? 'bundle exec ' : ''
  const test = rubyTest(folder, prefix)
  const rubocop = folder.has('.rubocop.yml') && /rubocop/.test(folder.text('Gemfile') ?? '')
  return {
    language: 'Ruby',
    manager: bundled ? 'bundler' : null,
    gates: [...(test ? [test] : []), ...(rubocop ? [{ run: 'bundle exec rubocop', why: '.rubocop.yml' }] : [])],
    setup: bundled
      ? [{ run: `${locked ? 'BUNDLE_FROZEN=true ' : ''}bundle install`, why: locked ? 'Gemfile.lock' : 'Gemfile' }]
      : [],
    inputs: bundled ? [locked ? 'Gemfile.lock' : 'Gemfile'] : [],
    byproducts: [],
    programs: [bundled ? 'bundle' : 'ruby'],
    notes: [],
  }
}

function rubyTest(folder: Folder, prefix: string): FoundCommand | null {
  if (folder.has('.rspec') || folder.has('spec/spec_helper.rb')) return { run: `${prefix}rspec`, why: 'spec/' }
  if (folder.has('bin/rails') && folder.has('test')) return { run: 'bin/rails test', why: 'bin/rails and test/' }
  if (/TestTask|task:? *\(?:?(test|default)\b/.test(folder.text('Rakefile') ?? '') && folder.has('test')) {
    return { run: `${prefix}rake test`, why: 'Rakefile' }
  }
  if (folder.find(2, (name) => name.endsWith('_spec.rb')).length > 0)
    return { run: `${prefix}rspec`, why: 'spec files' }
  const tests = folder.sub('test').find(4, (name) => /^test_.*\.rb$|_test\.rb$/.test(name))
  if (tests.length === 0) return null
  const each = `Dir["test/**/{test_*,*_test}.rb"].each { |file| require "./#{file}" }`
  return { run: `${prefix}ruby -Ilib -Itest -e '${each}'`, why: `test/${tests[0]}` }
}

export const php: Detector = (folder) => {
  const manifest = jsonOf(folder, 'composer.json')
  const config = present(folder, ['phpunit.xml', 'phpunit.xml.dist', 'phpunit.dist.xml'])[0]
  if (!manifest && !config) return null
  const names = new Set(['require', 'require-dev'].flatMap((key) => Object.keys(tree(manifest?.[key]))))
  const scripted = tree(manifest?.['scripts'])['test'] !== undefined
  const stan = present(folder, ['phpstan.neon', 'phpstan.neon.dist', 'phpstan.dist.neon'])[0]
  const gates: FoundCommand[] = []
  if (scripted) gates.push({ run: 'composer test', why: 'the test script of composer.json' })
  else if (names.has('pestphp/pest')) gates.push({ run: 'vendor/bin/pest', why: 'pest is among the dependencies' })
  else if (config || names.has('phpunit/phpunit'))
    gates.push({ run: 'vendor/bin/phpunit', why: config ?? 'phpunit is among the dependencies' })
  if (stan && names.has('phpstan/phpstan')) gates.push({ run: 'vendor/bin/phpstan analyse --no-progress', why: stan })
  const lock = folder.has('composer.lock') ? 'composer.lock' : 'composer.json'
  return {
    language: 'PHP',
    manager: manifest ? 'composer' : null,
    gates,
    setup: manifest ? [{ run: 'composer install --no-interaction --prefer-dist', why: lock }] : [],
    inputs: manifest ? [lock] : [],
    byproducts: manifest ? ['vendor'] : [],
    programs: manifest ? ['composer', 'php'] : ['php'],
    notes: [],
  }
}

/** A Makefile or justfile: used only where nothing more specific was found. */
export const make: Detector = (folder) => {
  const makefile = present(folder, ['GNUmakefile', 'makefile', 'Makefile'])[0]
  const justfile = present(folder, ['justfile', 'Justfile', '.justfile'])[0]
  const file = makefile ?? justfile
  if (!file) return null
  const program = makefile ? 'make' : 'just'
  const text = folder.text(file) ?? ''
  const targets = new Set([...text.matchAll(/^@?([A-Za-z][\w-]*)(?:[ \t]+[^:\n]*)?:(?!=)/gm)].map((match) => match[1]))
  const test = ['test', 'tests', 'check'].find((name) => targets.has(name))
  const gates = [test, 'lint', 'typecheck'].flatMap((name) => (name && targets.has(name) ? [name] : []))
  return {
    language: makefile ? 'Make' : 'just',
    manager: program,
    gates: gates.map((name) => ({ run: `${program} ${name}`, why: `the ${name} target of ${file}` })),
    setup: [],
    inputs: [],
    byproducts: [],
    programs: [program],
    notes: [],
  }
}
