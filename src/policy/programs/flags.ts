/** How programs spell their options: which ones take a value, and which ones mean the same. */

export interface FlagSpec {
  /** Options (`-C`, `--git-dir`) that take the next argument as value, unless a value is attached. */
  readonly valued: ReadonlySet<string>
  /** Spellings with the same meaning, mapped to the one that rules use. */
  readonly same: ReadonlyMap<string, string>
  /** Whether one dash with several letters is one option (`find -delete`) instead of several. */
  readonly oneDash: boolean
}

interface Row {
  /** Options that take a value. */
  readonly valued?: string
  /** Groups of equivalent spellings, joined by `=`: `-r=-R=--recursive`. */
  readonly same?: string
  readonly oneDash?: true
}

const ROWS: Readonly<Record<string, Row>> = {
  rm: { same: '-r=-R=--recursive -f=--force' },
  chmod: { same: '-R=--recursive', valued: '--reference' },
  chown: { same: '-R=--recursive', valued: '--reference --from' },
  cp: { valued: '-t --target-directory -S --suffix', same: '-r=-R=--recursive -t=--target-directory' },
  mv: { valued: '-t --target-directory -S --suffix', same: '-t=--target-directory -f=--force' },
  ln: { valued: '-t --target-directory -S --suffix', same: '-s=--symbolic -f=--force -t=--target-directory' },
  install: { valued: '-t --target-directory -m --mode -o --owner -g --group -S', same: '-t=--target-directory' },
  mkdir: { valued: '-m --mode' },
  touch: { valued: '-d --date -r --reference -t' },
  truncate: { valued: '-s --size -r --reference' },
  dd: {},
  head: { valued: '-n --lines -c --bytes' },
  tail: { valued: '-n --lines -c --bytes -s --pid' },
  grep: { valued: '-e --regexp -f --file -m --max-count -A -B -C --include --exclude --exclude-dir --color' },
  rg: { valued: '-e --regexp -f --file -m -A -B -C -g --glob -t --type -T -j --pre --pre-glob' },
  sed: { valued: '-e --expression -f --file -l', same: '-i=--in-place -e=--expression -f=--file -n=--quiet=--silent' },
  awk: { valued: '-F -v -f --file -e --source -i -l -o', same: '-f=--file -e=--source -i=--include' },
  sort: { valued: '-o --output -k -t -T -S --parallel', same: '-o=--output' },
  cut: { valued: '-d -f -c -b' },
  uniq: { valued: '-f --skip-fields -s --skip-chars -w --check-chars' },
  xxd: { valued: '-c -g -l -o -s -n -R' },
  tee: {},
  curl: {
    valued:
      '-o --output -X --request -H --header -d --data --data-raw --data-binary -F --form -u --user -A -e -b -c --cookie-jar -T --upload-file -K --config -m --max-time --connect-timeout --retry -x --proxy --cacert --cert --key --output-dir -D --dump-header --trace --trace-ascii --stderr --libcurl --hsts --alt-svc --etag-save -w --write-out --unix-socket --url',
    same: '-o=--output -T=--upload-file -K=--config -F=--form -d=--data -u=--user',
  },
  wget: {
    valued:
      '-O --output-document -o --output-file -a --append-output -P --directory-prefix -i --input-file -e --execute --post-file --header -U',
    same: '-O=--output-document -P=--directory-prefix -o=--output-file -a=--append-output -e=--execute',
  },
  time: { valued: '-f --format -o --output' },
  tar: {
    valued:
      '-f --file -C --directory -T -X --to-command --use-compress-program -I --checkpoint-action --rsh-command -F --info-script --new-volume-script',
    same: '-x=--extract=--get -f=--file -C=--directory -I=--use-compress-program -P=--absolute-names',
  },
  unzip: { valued: '-d -P' },
  patch: { valued: '-i --input -d --directory -o --output -p -r' },
  rsync: {
    valued: '-e --rsh --rsync-path -f --filter --exclude --include --files-from --password-file --log-file',
    same: '-e=--rsh',
  },
  strace: { valued: '-e -o -p -s -P -u -E -a -I -O -S -X' },
  find: { oneDash: true },
  go: { oneDash: true, valued: '-C' },
  java: { oneDash: true, valued: '-cp -classpath --class-path' },
  terraform: { oneDash: true },
  git: {
    valued: '-C -c --git-dir --work-tree --namespace --super-prefix --config-env --attr-source --exec-path',
    same: '-f=--force -d=--delete',
  },
  npm: {
    valued: '--prefix -C --registry -w --workspace --userconfig --globalconfig --cache --loglevel',
    same: '-g=--global',
  },
  pnpm: { valued: '-C --dir --filter -F --registry', same: '-g=--global' },
  yarn: { valued: '--cwd' },
  docker: { valued: '-H --host -c --context --config -l --log-level' },
  kubectl: { valued: '-n --namespace --context --cluster --kubeconfig -s --server --as --token --user' },
  make: { valued: '-C --directory -f --file --makefile -I -j -l -o -W', same: '-f=--file=--makefile -C=--directory' },
  pip: {
    valued: '-r --requirement -t --target --prefix --root -i --index-url -c --python',
    same: '-r=--requirement -t=--target',
  },
  cargo: { valued: '--manifest-path --config -C --color -Z --target-dir' },
  systemctl: { valued: '-H --host -M --machine -t -p' },
  kill: { valued: '-s -n' },
  pkill: { valued: '-u -U -t -g -G -P -s --signal --parent --pidfile --ns' },
}
const ALIASES = new Map(
  Object.entries({
    gawk: 'awk',
    mawk: 'awk',
    nawk: 'awk',
    egrep: 'grep',
    fgrep: 'grep',
    zgrep: 'grep',
    gsed: 'sed',
    pip3: 'pip',
    gcp: 'cp',
    grm: 'rm',
    gmake: 'make',
    podman: 'docker',
    nerdctl: 'docker',
    bsdtar: 'tar',
    gtar: 'tar',
    tofu: 'terraform',
    javac: 'java',
    pgrep: 'pkill',
  }),
)

const SPECS = new Map(Object.entries(ROWS).map(([name, row]) => [name, specOf(row)]))

/** What is known about the options of `program`; null: nothing. */
export function flagSpec(program: string): FlagSpec | null {
  return SPECS.get(sameAs(program)) ?? null
}

/** The program whose options `program` has: itself, or the one that it is another name of. */
export function sameAs(program: string): string {
  return ALIASES.get(program) ?? program
}

function specOf({ valued = '', same = '', oneDash }: Row): FlagSpec {
  const groups = same.split(' ').map((group) => group.split('='))
  return {
    valued: new Set(valued.split(' ').filter(Boolean)),
    same: new Map(groups.flatMap((group) => group.map((name) => [name, group[0] ?? name] as const))),
    oneDash: oneDash === true,
  }
}
