/** A language's commands, which a project allows by naming the language in `policy.presets`. */
import { parseRule, type Rule, type RuleTexts } from './rules.ts'

const TEXTS = {
  node:
    'npm test|npm t|npm run|npm run-script|npm start|npm ci|npm install|npm i|npm ls|npm outdated|npm audit|npm pack|npm version|npm view|npm exec -- tsc|' +
    'node|pnpm install|pnpm i|pnpm test|pnpm run|pnpm exec|pnpm build|pnpm lint|pnpm ls|yarn|yarn install|yarn test|yarn run|yarn build|yarn lint|' +
    'bun install|bun test|bun run|npx tsc|npx vitest|npx jest|npx mocha|npx eslint|npx prettier|npx oxlint|npx oxfmt|npx biome|npx playwright test|' +
    'npx tsx|npx vite|npx next|npx turbo|npx nx|npx c8|npx nyc|npx knip|tsc|vitest|jest|mocha|ava|eslint|prettier|oxlint|oxfmt|biome|tsx|vite build|webpack|rollup|esbuild|turbo|nx',
  python:
    'python -m pytest|python -m unittest|python -m venv|python -m mypy|python -m ruff|python -m black|python -m flake8|python -m compileall|python -m build|' +
    'python -m coverage|python -m pip install|python -m pip list|python -m tox|python3 -m pytest|python3 -m unittest|python3 -m venv|python3 -m mypy|python3 -m ruff|' +
    'python3 -m black|python3 -m compileall|python3 -m coverage|python3 -m pip install|python3 -m pip list|python3 -m tox|python *.py|python3 *.py|' +
    'pytest|py.test|mypy|pyright|ruff|black|isort|flake8|pylint|tox|nox|coverage|pip install|pip3 install|pip list|pip freeze|pip show|pip check|' +
    'uv sync|uv run|uv lock|uv pip|uv venv|uv add|poetry install|poetry run|poetry lock|poetry check|pipenv install|pipenv run|pdm install|pdm run|hatch run|pre-commit run',
  rust: 'cargo build|cargo test|cargo check|cargo clippy|cargo fmt|cargo run|cargo bench|cargo doc|cargo nextest|cargo tree|cargo metadata|cargo fetch|cargo update|cargo add|cargo clean|rustc|rustfmt|rustup show',
  go: 'go build|go test|go vet|go run|go fmt|go mod|go get|go generate|go list|go doc|go env|go version|go tool|go work|go clean|gofmt|goimports|golangci-lint|staticcheck|gotestsum|govulncheck',
  java:
    'mvn test|mvn verify|mvn compile|mvn package|mvn clean|mvn validate|mvn install|mvn dependency:*|./mvnw test|./mvnw verify|./mvnw compile|./mvnw package|./mvnw clean|' +
    'gradle test|gradle build|gradle check|gradle assemble|gradle clean|gradle tasks|./gradlew test|./gradlew build|./gradlew check|./gradlew assemble|./gradlew clean|./gradlew tasks|javac|java -version|ant test|sbt test|sbt compile',
  dotnet:
    'dotnet build|dotnet test|dotnet restore|dotnet run|dotnet format|dotnet clean|dotnet list|dotnet --info|dotnet --version',
  ruby: 'bundle install|bundle exec|bundle check|rake|rspec|rubocop|rails test|ruby -Itest|ruby *.rb|gem list|minitest',
  php: 'composer install|composer test|composer validate|composer run|composer dump-autoload|phpunit|./vendor/bin/phpunit|./vendor/bin/phpstan|./vendor/bin/pest|phpstan|php -l|php artisan test|pest',
  c: 'make|cmake|ctest|ninja|meson setup|meson compile|meson test|gcc|g++|cc|c++|clang|clang++|clang-format|clang-tidy|./configure|autoreconf|pkg-config|ar|ld|nm|objdump|bazel build|bazel test',
  swift: 'swift build|swift test|swift run|swift package|xcodebuild test|xcodebuild build|swiftlint|swiftformat',
  elixir: 'mix test|mix compile|mix format|mix deps.get|mix credo|mix dialyzer',
  shell:
    'ls|cat|head|tail|grep|rg|sed|awk|find|fd|wc|sort|uniq|cut|tr|diff|cmp|comm|tree|stat|file|du|df|pwd|cd|echo|printf|date|true|false|test|[|which|type|basename|dirname|realpath|readlink|' +
    'mkdir|touch|cp|mv|rm|ln|tee|xargs|seq|sleep|env|nice|timeout|jq|yq|tac|rev|paste|column|nl|od|xxd|md5sum|sha256sum|tar|gzip|gunzip|unzip|zip|patch|ps|kill|id|uname|whoami|hostname|' +
    'set|export|unset|shift|exit|return|break|continue|wait|command|local|declare|readonly|read|:|nproc|git',
} as const

export type LanguagePreset = keyof typeof TEXTS

/** `strict` reverses the policy: whatever is not allowed is denied. */
export type Preset = LanguagePreset | 'strict'
export const PRESETS: readonly [Preset, ...Preset[]] = ['strict', ...(Object.keys(TEXTS) as LanguagePreset[])]

/** The configuration's rules for commands. */
export interface PolicyConfig {
  readonly commands: RuleTexts
  readonly presets: readonly Preset[]
}

/** The rules that the presets add; they all allow. */
export function presetRules(names: readonly Preset[]): Rule[] {
  return names.flatMap((name) => (name === 'strict' ? strictRules() : languageRules(name)))
}

function languageRules(name: LanguagePreset): Rule[] {
  return TEXTS[name]
    .split('|')
    .map((text) => parseRule(text, 'allow', `preset/${name}`, `allowed by the preset ${name}`))
}

/** The commands that strict mode allows; strict.ts restricts their arguments. */
const STRICT =
  'ls|cat|head|tail|grep|cp|mkdir|chmod|npm|node|git|ps|lsof|sleep|pkill|cd|gh|echo|wc|pwd|true|false|[|test|./init.sh|./start.sh'

function strictRules(): Rule[] {
  return STRICT.split('|').map((text) => parseRule(text, 'allow', 'preset/strict', 'allowed by the preset strict'))
}
