/** Which test proves which scenario of the engine. Every test named here must exist, so that no proof gets lost. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { hasTest, isThere, type Claim } from './support/proofs.ts'

const DOOM = 'src/engine/calls/doom.test.ts'
const CALLS = 'src/engine/calls/calls.test.ts'
const FINISH = 'src/engine/finish.test.ts'
const LOOP = 'src/engine/loop.test.ts'
const COMPACTION = 'src/engine/context/compaction.test.ts'
const DEFINITIONS = 'src/engine/definitions/definitions.test.ts'
const READ = 'src/engine/tools/read.test.ts'
const WRITE = 'src/engine/tools/write.test.ts'
const BASH = 'src/engine/tools/bash.test.ts'
const ESCAPES = 'src/engine/tools/paths/escapes.test.ts'
const TASKS = 'src/engine/tools/tasks/tasks.test.ts'
const GIT = 'src/engine/tools/git/git.test.ts'
const REGISTRY = 'src/engine/tools/registry.test.ts'
const BACKENDS = 'src/engine/tools/backends.test.ts'
const POLICY = 'src/policy/policy.test.ts'
const SESSION_LOG = 'src/sessions/session.test.ts'
const SESSION_LOCK = 'src/sessions/lock.test.ts'
const SESSION = 'test/session.test.ts'
const EXEC = 'test/exec-engine.test.ts'
const HOOKS = 'test/exec-hooks.test.ts'
const WORLD = 'test/exec-scenarios.test.ts'
const ISOLATION = 'test/exec-isolation.test.ts'
const CHAT = 'test/chat.test.ts'
const PROGRAMS = 'src/sandbox/testing/programs.ts'
const LIVES = 'src/sandbox/testing/lives.ts'
const OPEN = 'src/sandbox/open.test.ts'
const PUBLISH = 'test/publish.test.ts'
const WHO = 'test/publish-who.test.ts'
const WORKFLOW = 'test/workflow.test.ts'

/** What does not exist (some of it comes with scale-out), and which page says so. */
const ABSENT: readonly { readonly what: string; readonly page: string; readonly says: string }[] = [
  {
    what: 'NATS state: KV set, get, missing, delete, JSON; run state; workflow context; concurrent writes',
    page: 'docs/events.md',
    says: 'A state store in NATS (KV: the state of runs and workflows shared by several machines) does not exist yet; it comes with scale-out.',
  },
  {
    what: 'NATS files: object put, get, missing, delete, list; run files, shared files; handoff between two stations',
    page: 'docs/events.md',
    says: 'Nor does a store of files in NATS (object store: outputs and shared files handed from machine to machine).',
  },
  {
    what: 'docker: logging in to a registry',
    page: 'docs/sandboxes.md',
    says: 'is never fetched for you (`docker pull`)',
  },
]

const SCENARIOS: Readonly<Record<string, readonly Claim[]>> = {
  'the loop': [
    { what: 'doom loop: the third is detected', by: [`${DOOM}: of one call is warned of at the third and stopped at the fifth`] },
    { what: 'doom loop: other arguments, other tools, the hash of arguments', by: [`${DOOM}: does not depend on the order of keys, and does on their values and the tool`] },
    { what: 'doom loop: no arguments', by: [`${DOOM}: of calls without arguments, or with strange ones, is seen as well`] },
    { what: 'doom loop: reset', by: [`${DOOM}: is forgotten when something else is done, and warned of again`] },
    { what: 'doom loop: cycles', by: [`${DOOM}: of a cycle is seen like that of one call`] },
    { what: 'doom loop: within one answer', by: [`${CALLS}: that are the same are not all made (%s)`] },
    { what: 'doom loop: failing calls count, and it ends the turn with its own reason', by: [`${FINISH}: with doom_loop when it goes on after it was told, failing calls included`, `${WORLD}: ends with doom_loop, exit 3, when a failing command is repeated`] },
    { what: 'the task is in history before step 1 and in every request', by: [`${LOOP}: has the task in history before step 1 and in every request`, `${EXEC}: goes on with a session: the model sees everything that was said and done before`] },
    { what: 'the loop is our own: hooks see calls of the real loop', by: [`${CALLS}: see request and result; one that fails afterwards is a visible warning`] },
    { what: 'limits: steps, tokens, money, time', by: [`${FINISH}: with max_steps after so many model calls, 50 unless said otherwise`, `${FINISH}: with budget_tokens before the next call`, `${FINISH}: with budget_usd before the next call`, `${FINISH}: with timeout, also in the middle of a tool`, 'test/exec.test.ts: limits: money, steps, time, silence', 'test/exec-agents.test.ts: --max-steps ends a turn after so many calls of its tools, which is what its steps are'] },
    { what: 'every way to end', by: [`${FINISH}: in every way that there is a word for`] },
    { what: 'retry of the model', by: [`${FINISH}: is asked again, with growing waits`, 'src/agents/engine/wires.test.ts: tries again after 500, 429 with a time, 529 and a stream that breaks in the middle'] },
    { what: 'a time limit for every tool that can take long', by: [`${BASH}: ends a command at its timeout, with its grandchildren, and shows what it wrote`, 'src/engine/tools/mcp/mcp.test.ts: ends a call at its timeout or when aborted; the server goes on', 'src/engine/tools/search/search.test.ts: an expression that takes forever is ended, with what was found before', `${GIT}: a git that does not end is ended, and said to be`] },
    { what: 'reads run side by side, writes in order', by: [`${CALLS}: run side by side when they read, and alone and in order when they write`] },
    { what: 'a history that cannot be written ends everything', by: [`${CALLS}: that run beside one whose result cannot be kept are ended first, and nothing else is begun`, 'src/agents/engine/agent.test.ts: fails when its history cannot be written, and runs nothing on'] },
    { what: 'a killed turn is gone on with', by: [`${EXEC}: a turn that was killed is gone on with, without what was in flight`, 'test/engine-run.test.ts: goes on after kill -9 in the middle of a call, in the conversation as it was'] },
  ],
  'hooks and permissions': [
    { what: 'block beats ask beats continue, in any order', by: [`${CALLS}: combine as deny over ask over allow, in any order`, `${CALLS}: never come before a denial`] },
    { what: 'hooks cannot take safety away', by: [`${CALLS}: cannot loosen the policy or leave it out, and deny when they throw or say nothing`] },
    { what: 'hooks of a definition, through the command line', by: [`${HOOKS}: deny a call, with a reason for the model and for people`, `${HOOKS}: cannot loosen what policy says`, `${HOOKS}: one that %s denies`, `${HOOKS}: are told what came of a call; one that fails then is a warning`] },
    { what: 'patterns and permission table', by: [`${POLICY}: %s: %s`, `${POLICY}: %j is one`, `${POLICY}: %j is none`] },
    { what: 'a more special rule never masks a deny', by: ['test/cli-policy.test.ts: policy.commands.deny wins over a longer allow'] },
    { what: 'compound commands are read', by: ['src/policy/mechanisms.test.ts: %s %j', 'src/policy/differential.test.ts: finds the same commands in generated scripts, or the verdict is not allow'] },
    { what: 'ask without an approver', by: [`${EXEC}: what needs approval is denied, and said, when nobody is there`] },
    { what: 'ask with an approver elsewhere, and in the chat', by: [`${EXEC}: --ask: what needs approval waits for belay answer, from another terminal`, `${CHAT}: asks for approval inline, and takes yes, always, and no with a reason`] },
    { what: 'an ask has one end: its first answer, its expiry, or its asker', by: ['src/sessions/asks.test.ts: a question stands until its first answer, which is the one that counts', 'src/sessions/asks.test.ts: a question whose time is over is nobody’s to answer, also while its asker sleeps', 'src/sessions/asks.test.ts: a question of a holder that died is not shown, cannot be answered, and goes when the session is taken up'] },
    { what: 'one ask at a time', by: [`${CALLS}: of reads that run side by side come one after the other, and one answer for the session does for all alike`] },
    { what: 'agents cannot widen their policy', by: [`${EXEC}: an agent cannot widen its own policy: what it is told by asks, and a session keeps the policy it began with`] },
  ],
  compaction: [
    { what: 'old output goes first; the tail stays', by: [`${COMPACTION}: at a 32k window leaves out old tool output first, and pays for no summary`] },
    { what: 'nothing is lost', by: [`${COMPACTION}: keeps everything in the history`] },
    { what: 'summary at a safe place, with the task', by: [`${COMPACTION}: is summarised when leaving out is not enough, at a safe place, with the task in the user’s words`, `${COMPACTION}: never parts a call from its result, wherever the tail begins`] },
    { what: 'what is protected is below what triggers', by: [`${COMPACTION}: keep what is protected below what triggers, at any window`] },
    { what: 'the estimate counts everything', by: [`${COMPACTION}: are estimated over everything: prompt, tools, calls, results; and per character in other scripts`, `${COMPACTION}: counts what the provider reports, where that can be believed`] },
    { what: 'the size is looked at afterwards', by: [`${COMPACTION}: is not made longer by its own summary, however much the model says`, `${COMPACTION}: survives one answer that brings more than the window holds`, `${COMPACTION}: whose summary uses up the budget ends there: nothing more is asked`] },
    { what: 'failure is said', by: [`${COMPACTION}: goes on with a list of what was done when no summary can be had, and says so`, `${COMPACTION}: ends with an error when nothing helps`] },
    { what: 'through the command line', by: [`${EXEC}: takes up a session of 2,000 items, and keeps working in a window of 32,000 tokens`] },
  ],
  'sandboxes': [
    { what: 'create, exec, environment, stdin, streams, stderr', by: [`${PROGRAMS}: keeps stdout and stderr apart and reports the exit code`, `${PROGRAMS}: has exactly the environment that it is given, and its mark`, `${PROGRAMS}: hands a stream through while the program answers`] },
    { what: 'kill, timeout, close', by: [`${LIVES}: ends a program with all it started on end()`, `${LIVES}: ends everything on close(), which can be repeated; nothing starts afterwards`, `${BACKENDS}: ends at the timeout with its grandchildren, and what is left in the background`] },
    { what: 'the same contract for every backend', by: ['src/sandbox/docker/conformance.test.ts: docker', 'src/sandbox/host/conformance.test.ts: host', 'src/sandbox/os/conformance.test.ts: os', 'src/sandbox/e2b/conformance.test.ts: e2b'] },
    { what: 'files in and out of a machine elsewhere', by: ['src/sandbox/e2b/conformance.test.ts: carries files, folders, links and removals both ways, never .git, and puts nothing outside'] },
    { what: 'an unknown backend, and a policy that cannot be kept, are refused', by: [`${OPEN}: refuses %j and names what there is`, `${OPEN}: the host refuses a policy it cannot keep: %s`] },
    { what: 'one mapping of paths', by: [`${READ}: follows the path mapping of the sandbox`, `${BACKENDS}: a file made by a tool is seen by commands, and the other way round`] },
    { what: 'a script in a container is visible on the host; two containers share the workspace', by: [`${WORLD}: what an agent makes in a container is on the host, and the next one goes on with it in a container of its own`] },
    { what: 'confined by default', by: [`${EXEC}: confines commands by default where the machine can, to the folder and without network`] },
    { what: 'a sandbox is closed whatever happens', by: ['src/agents/engine/agent.test.ts: does not wait for a tool that does not end: its sandbox is closed under it', `${LIVES}: ends everything when Belay is killed`] },
  ],
  tools: [
    { what: 'path validation', by: [`${ESCAPES}: $how`, `${ESCAPES}: %s is allowed`, `${ESCAPES}: stays the folder that was judged, wherever its name leads later`] },
    { what: 'sensitive directories', by: [`${ESCAPES}: sensitive directories: %s`] },
    { what: 'dangerous and safe names', by: [`${WRITE}: dangerous write names are asked for`, `${WRITE}: safe names are not`] },
    { what: 'command blocklist, sudo warning', by: [`${BASH}: %s: %s`, `${BASH}: sudo warning: it is asked for, with the reason`] },
    { what: 'workdir table', by: [`${BASH}: runs in %s`, `${BASH}: refuses %s`] },
    { what: 'secret names', by: [`${WRITE}: %s is for its owner only, and asked for before it is read`, `${WRITE}: %s is a file as any other`] },
    { what: 'tasks', by: [`${TASKS}: task create, get, update, list`, `${TASKS}: task persistence: the list survives a restart and lies outside of the workspace (task file)`, `${TASKS}: task summary of an empty list`, `${TASKS}: task dependencies must exist and make no circle`] },
    { what: 'output is bounded, head and tail are kept, characters stay whole', by: [`${BASH}: stays small in memory and keeps the end of very long output`, 'src/engine/tools/output/output.test.ts: keeps a beginning and an end, counts what is between, and never cuts a character'] },
    { what: 'one registry', by: [`${REGISTRY}: has the core set: bash, read, write, edit, glob, grep, tasks, git`, `${REGISTRY}: keeps to an allow list, in its own order`] },
    { what: 'git: status, diff, log, commit, without changes', by: [`${GIT}: status: branch, staged, changed, untracked, clean; names with spaces and other letters`, `${GIT}: diff: unstaged, staged, one file`, `${GIT}: log: newest first, of a file, in a folder`, `${GIT}: commit: named files, everything, nothing`, `${GIT}: says when there is no repository, and refuses folders outside of the workspace`] },
    { what: 'skills and memory lie outside and can be read', by: [`${READ}: reads skills and memory files beside the workspace, and kept outputs, but writes none`] },
  ],
  'definitions, skills, memory, prompt': [
    { what: 'definition: every key, none, unclosed, unknown', by: [`${DEFINITIONS}: has every key of the schema`, `${DEFINITIONS}: may be a text alone, or keys alone`, `${DEFINITIONS}: refuses keys that never end`, `${DEFINITIONS}: refuses %s`] },
    { what: 'skills: fields, override order, what cannot be used', by: [`${DEFINITIONS}: are named with description, path and tools; a later source replaces an earlier one`, `${DEFINITIONS}: that cannot be used are left out, and say why`, `${REGISTRY}: loads the body, and names the files beside it`] },
    { what: 'skills through the command line', by: [`${WORLD}: a skill is named in the instructions, the nearer one, and loaded by the skill tool`] },
    { what: 'memory: sources, missing, links', by: [`${DEFINITIONS}: is read from the user’s folder, then from the root down`, `${DEFINITIONS}: is not taken from outside by a link, and is cut when it is huge`, `${DEFINITIONS}: is never what a link leads to that takes its place while it is read`] },
    { what: 'prompt through the command line', by: [`${EXEC}: --output-schema, --max-steps, --definition and instructions reach the model`] },
    { what: 'configuration: defaults and layers', by: ['src/config/load.test.ts: has the documented defaults without any file', 'src/config/load.test.ts: puts flags over --set over environment over project over user'] },
    { what: 'docs are generated from the schema', by: ['test/generated-docs.test.ts: %s is what the generator gives (else: node scripts/generate-docs.ts)'] },
  ],
  sessions: [
    { what: 'history save and load, append, clear', by: [`${SESSION_LOG}: keeps what was appended, in order and unchanged, over processes`, `${SESSION_LOG}: begins anew after \`cleared\`, and loses nothing by it`] },
    { what: 'create, lock, append, release, reopen', by: [`${SESSION}: lists, informs about, shows and goes on with a session`] },
    { what: 'lock contention and stale locks', by: [`${SESSION}: lets one process work, tells the other who does, and goes on after kill -9`, `${SESSION_LOCK}: goes to exactly one of many that want it at once, also from a dead holder`, `${SESSION_LOCK}: counts another host as living while its heartbeat is fresh, and an earlier boot as dead`, `${SESSION}: unlock takes a session away from one that will not give it back`] },
    { what: 'ids that lead elsewhere', by: [`${SESSION}: refuses ids that lead elsewhere`] },
    { what: 'torn entries', by: [`${SESSION}: drops a torn entry and says so`, `${SESSION_LOCK}: kill -9 loses at most the item in flight, and the session is free at once`] },
    { what: 'what is kept is not in the workspace, and private', by: [`${SESSION}: keeps its files to the user alone`] },
    { what: 'the chat is on the same sessions', by: [`${CHAT}: has the commands of the session layer`, `${CHAT}: goes on with a session that another process holds only when it is free`] },
    { what: 'export and import', by: [`${SESSION}: export and import round-trip`] },
  ],
  'workspaces, agents together, events': [
    { what: 'a workspace of its own', by: [`${ISOLATION}: is a worktree of the repository, which the user does not see change`, `${ISOLATION}: is an empty folder outside of git`] },
    { what: 'branches of Belay’s own form; the user’s stays where it is', by: [`${ISOLATION}: is a worktree of the repository, which the user does not see change`, `${ISOLATION}: sequential: each turn is committed on one branch and told to the next agent`] },
    { what: 'cloning, without leaving a password', by: [`${ISOLATION}: clones with a password that is then nowhere on disk, nor shown to the agent`] },
    { what: 'sequential and parallel', by: [`${ISOLATION}: sequential: each turn is committed on one branch and told to the next agent`, `${ISOLATION}: parallel: parts work side by side on branches of their own, are merged, and conflicts are reported`] },
    { what: 'one agent hands over to another', by: ['test/exec-agents.test.ts: hands work over to another agent, which is told of it'] },
    { what: 'an analyzer reports, a fixer mends: two steps', by: [`${WORKFLOW}: agent: each step works on what the steps before left, commits of its own on the result branch`] },
    { what: 'explicit data flow and idempotent steps', by: [`${WORKFLOW}: inject and transform: data as it is, and values made of others`, 'test/crash/workflow-kill.test.ts: at a call of the port %s loses nothing and does nothing twice'] },
    { what: 'events: order, identifiers, size, secrets', by: [`${PUBLISH}: publishes every event of a run once, in order, with whose it is`, `${PUBLISH}: fills in the subject, cuts what is too big, and redacts secrets`] },
    { what: 'events: one publisher for runs, batches, workflows, exec and chat', by: [`${WHO}: are published as runs are`, `${WHO}: a workflow in a %s: with the run as that of the workflow`, `${WHO}: publishes the turns of a session once, over several processes, with whose they are`] },
    { what: 'events: a real server with TLS, tokens, users and .creds', by: [`${WHO}: user and password`, `${WHO}: a .creds file: signed by an account of the operator, or refused`, `${WHO}: TLS: a server whose certificate is trusted, with a certificate of its own where it wants one`, `${WHO}: TLS: a tls:// server without it is told nothing, no credentials either`] },
    { what: 'events: the broker is down, comes back, or Belay is killed', by: [`${PUBLISH}: a run neither fails nor waits long when there is no server at all`, `${PUBLISH}: an outage in the middle is told once; what was missed follows, and a stream holds every event once`, `${PUBLISH}: kill -9 in the middle: a resumed run goes on from the last event that was published`] },
    { what: 'stream as lines: sequence and identifiers', by: [`${EXEC}: --json ends with the agreed line`, 'test/exec.test.ts: --json prints event lines, the last of the agreed shape', 'test/events-owners.test.ts: a run in which much goes wrong', 'test/exec.test.ts: Ctrl-C ends the turn, keeps the session, and exits with 130'] },
  ],
} // prettier-ignore

/** What other engines got wrong, by the number that the specification gives it, and the tests that would see it here. */
const LESSONS: readonly Claim[] = [
  { what: '1 the task is always in history', by: [`${LOOP}: has the task in history before step 1 and in every request`] },
  { what: '2 the loop makes the calls itself', by: [`${CALLS}: see request and result; one that fails afterwards is a visible warning`, 'src/agents/engine/wires.test.ts: calls tools and answers, with usage, key and model as they should be'] },
  { what: '3 time, retry, budget, time per tool', by: [`${FINISH}: with timeout, also in the middle of a tool`, `${FINISH}: is given up in the end`, `${FINISH}: is not asked again when the broken answer used up the budget`, `${BASH}: ends a command at its timeout, with its grandchildren, and shows what it wrote`, 'src/engine/tools/mcp/mcp.test.ts: ends a call at its timeout or when aborted; the server goes on', `${GIT}: a git that does not end is ended, and said to be`] },
  { what: '4 failing calls and cycles are repetition, which is warned of, then ends the turn', by: [`${DOOM}: of a cycle is seen like that of one call`, `${FINISH}: with doom_loop when it goes on after it was told, failing calls included`, `${WORLD}: ends with doom_loop, exit 3, when a failing command is repeated`] },
  { what: '5 deny over ask over allow', by: [`${CALLS}: combine as deny over ask over allow, in any order`] },
  { what: '6 an approval channel', by: [`${EXEC}: --ask: what needs approval waits for belay answer, from another terminal`, `${EXEC}: --ask-timeout: what nobody answered is denied`] },
  { what: '7 safety is not optional', by: [`${CALLS}: cannot loosen the policy or leave it out, and deny when they throw or say nothing`] },
  { what: '8 safe concurrency', by: [`${CALLS}: run side by side when they read, and alone and in order when they write`] },
  { what: '9 commands are parsed, and the sandbox holds', by: ['src/policy/mechanisms.test.ts: %s %j', 'test/escape/suite.ts: gets out where nothing confines it'] },
  { what: '10 real paths, looked at again when opened', by: [`${ESCAPES}: $how`, `${ESCAPES}: never reads nor writes what the link leads to (%j below it)`, `${READ}: reads skills and memory files beside the workspace, and kept outputs, but writes none`] },
  { what: '11 one mapping of paths, on every backend', by: [`${READ}: follows the path mapping of the sandbox`, `${BASH}: runs in %s`, `${PROGRAMS}: works in the folder that it is told, and sees the workspace where the mapping says`] },
  { what: '12 whole process trees, bounded output, one registry', by: [`${LIVES}: ends a program with all it started on end()`, `${BACKENDS}: ends at the timeout with its grandchildren, and what is left in the background`, `${BASH}: stays small in memory and keeps the end of very long output`, `${BACKENDS}: git runs in it`, `${REGISTRY}: two tools of one name are an error`] },
  { what: '13 characters stay whole', by: ['src/engine/tools/output/output.test.ts: keeps a beginning and an end, counts what is between, and never cuts a character', `${READ}: cuts long lines between characters`] },
  { what: '14 everything is counted', by: [`${COMPACTION}: are estimated over everything: prompt, tools, calls, results; and per character in other scripts`] },
  { what: '15 what is protected is below what triggers', by: [`${COMPACTION}: keep what is protected below what triggers, at any window`] },
  { what: '16 safe cuts, cheap first, size checked, failures said', by: [`${COMPACTION}: at a 32k window leaves out old tool output first, and pays for no summary`, `${COMPACTION}: is not made longer by its own summary, however much the model says`, `${COMPACTION}: never parts a call from its result, wherever the tail begins`, `${COMPACTION}: goes on with a list of what was done when no summary can be had, and says so`] },
  { what: '17 a session is released by its token', by: [`${SESSION}: lists, informs about, shows and goes on with a session`, `${SESSION_LOCK}: that was broken is noticed by its former holder before it writes`] },
  { what: '18 locks: half written, stale, on other hosts', by: [`${SESSION_LOCK}: goes to exactly one of many that want it at once, also from a dead holder`, `${SESSION_LOCK}: counts another host as living while its heartbeat is fresh, and an earlier boot as dead`, `${SESSION_LOCK}: does not stay for ever when its file is %j`, `${SESSION_LOCK}: takes away what takers that died left, and nothing of those at work`] },
  { what: '19 ids are validated', by: [`${SESSION}: refuses ids that lead elsewhere`] },
  { what: '20 append-only and lossless, whatever went wrong', by: [`${SESSION_LOG}: takes back half a line that the disk had no room for, and goes on when there is`, `${FINISH}: with cancelled while the model works; what it said so far is kept, and never sent again`, 'src/sessions/transfer.test.ts: round-trips every line', `${SESSION_LOCK}: kill -9 loses at most the item in flight, and the session is free at once`] },
  { what: '21 who owns a sandbox is clear', by: [`${LIVES}: ends everything on close(), which can be repeated; nothing starts afterwards`, 'src/agents/engine/agent.test.ts: ends what it started when nobody listens any more', 'src/agents/engine/agent.test.ts: says what cannot be made ready, before any model call'] },
  { what: '22 bookkeeping is out of the reach of agents', by: [`${SESSION}: keeps its files to the user alone`, `${TASKS}: task persistence: the list survives a restart and lies outside of the workspace (task file)`, `${WRITE}: with full access still leaves Belay's own record alone, but not the workspace in it`, `${EXEC}: an agent cannot widen its own policy: what it is told by asks, and a session keeps the policy it began with`] },
  { what: '23 every feature through the command line', by: [`${EXEC}: works with tools in the current directory, outside of git, without any configuration`, 'test/engine-run.test.ts: writes, reviews and lands a task, and keeps both conversations as sessions', `${WORLD}: a skill is named in the instructions, the nearer one, and loaded by the skill tool`] },
  { what: '24 branches: one in sequence, one for each part in parallel', by: [`${ISOLATION}: sequential: each turn is committed on one branch and told to the next agent`, `${ISOLATION}: parallel: parts work side by side on branches of their own, are merged, and conflicts are reported`] },
  { what: '25 identifiers, seen from outside', by: [`${PUBLISH}: publishes every event of a run once, in order, with whose it is`] },
  { what: '26 the broker may be down, and payloads are capped and redacted', by: [`${PUBLISH}: a run neither fails nor waits long when there is no server at all`, `${PUBLISH}: fills in the subject, cuts what is too big, and redacts secrets`] },
  { what: '27 explicit data flow, no double execution', by: [`${WORKFLOW}: inject and transform: data as it is, and values made of others`, 'test/crash/workflow-kill.test.ts: at a call of the port %s loses nothing and does nothing twice'] },
  { what: '28 nothing depends on an embedded broker', by: [`${PUBLISH}: kill -9 in the middle: a resumed run goes on from the last event that was published`] },
  { what: '29 what cannot be kept is refused', by: [`${OPEN}: the host refuses a policy it cannot keep: %s`, `${DEFINITIONS}: refuses %s`] },
  { what: '30 the chat is on the session layer', by: [`${CHAT}: has the commands of the session layer`, `${CHAT}: streams answers, shows what is done, and remembers the conversation`, `${SESSION}: export and import round-trip`] },
  { what: '31 one schema, generated docs, tested defaults', by: [`${DEFINITIONS}: has every key of the schema`, 'test/generated-docs.test.ts: %s is what the generator gives (else: node scripts/generate-docs.ts)', 'src/config/load.test.ts: has the documented defaults without any file'] },
] // prettier-ignore

it('every lesson has its number', () => {
  expect(LESSONS.map(({ what }) => Number.parseInt(what, 10))).toEqual(Array.from({ length: 31 }, (_, n) => n + 1))
})

describe.each(Object.entries({ ...SCENARIOS, lessons: LESSONS }))('%s', (_, scenarios) => {
  it.each(scenarios.map(({ what, by }) => [what, by] as const))('%s', (_what, by) => {
    expect(by.filter((proof) => !isThere(proof))).toEqual([])
  })
})

describe('not there', () => {
  it.each(ABSENT)('$what: $page says so', ({ page, says }) => {
    expect(readFileSync(page, 'utf8').replaceAll(/\s+/g, ' ')).toContain(says)
  })
})

describe('a proof', () => {
  it('is a test that is run', () => {
    const text = `it('one', () => {}); it.each([[1, (2)]])('two', f); test.skip('three', f); it.todo('four'); // it says 'five'
      describe.skipIf(no)('six', f); it.skipIf(no)(
        'seven', f); const a = ['eight']; it.fails('nine', f)`
    const titles = ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten']
    expect(titles.filter((title) => hasTest(text, title))).toEqual(['one', 'two', 'six', 'seven'])
    expect(isThere('test/scenarios.test.ts')).toBe(false)
    expect(isThere('test/scenarios.test.ts: ')).toBe(false)
  })
})
