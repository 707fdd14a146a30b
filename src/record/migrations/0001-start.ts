export const start = `
create table projects (
  id text primary key,
  root text not null,
  created_at text not null
) strict;

create table events (
  seq integer primary key autoincrement,
  time text not null,
  type text not null,
  version integer not null,
  project text,
  run text,
  task text,
  session text,
  actor text not null,
  data text not null
) strict;
create index events_by_run on events (run, seq);

create table runs (
  id text primary key,
  project text not null references projects (id),
  program text not null,
  status text not null,
  reason_code text,
  reason_message text,
  source text not null,
  target text,
  base text not null,
  result_branch text not null,
  landed integer,
  finish_command text,
  options text not null,
  config text not null,
  wake_at text,
  created_at text not null,
  updated_at text not null,
  ended_at text
) strict;
create index runs_by_project on runs (project, created_at);

create table tasks (
  run text not null references runs (id),
  handle text not null,
  position integer not null,
  title text not null,
  definition text not null,
  status text not null,
  phase text,
  attempt integer not null default 0,
  extra_attempts integer not null default 0,
  crashes integer not null default 0,
  faults integer not null default 0,
  epoch integer not null default 0,
  state text not null,
  reason_code text,
  reason_message text,
  commit_id text,
  branch text,
  wake_at text,
  phase_started_at text,
  created_at text not null,
  updated_at text not null,
  primary key (run, handle)
) strict;

create table attempts (
  run text not null,
  task text not null,
  n integer not null,
  started_at text not null,
  ended_at text,
  outcome text,
  session text,
  primary key (run, task, n),
  foreign key (run, task) references tasks (run, handle)
) strict;

create table artifacts (
  id integer primary key autoincrement,
  run text not null,
  task text not null,
  kind text not null,
  phase text not null,
  attempt integer not null,
  data text not null,
  created_at text not null,
  foreign key (run, task) references tasks (run, handle)
) strict;
create index artifacts_by_task on artifacts (run, task, kind, id);

create table checkpoints (
  id text primary key,
  run text not null,
  task text not null,
  kind text not null,
  question text not null,
  options text not null,
  context text not null,
  status text not null,
  answer text,
  note text,
  answered_by text,
  created_at text not null,
  closed_at text,
  foreign key (run, task) references tasks (run, handle)
) strict;
create index checkpoints_by_task on checkpoints (run, task, status);

create table sessions (
  id text primary key,
  run text not null,
  task text not null,
  role text not null,
  provider text not null,
  model text,
  native text,
  cwd text not null,
  attempt integer not null,
  status text not null,
  input_tokens integer not null default 0,
  output_tokens integer not null default 0,
  cost_usd real,
  cost_kind text not null,
  created_at text not null,
  ended_at text,
  foreign key (run, task) references tasks (run, handle)
) strict;
create index sessions_by_task on sessions (run, task, role, created_at);

create table leases (
  key text primary key,
  token text not null,
  epoch integer not null,
  host text not null,
  boot text not null,
  pid integer not null,
  start_time text not null,
  purpose text not null,
  expires_at text not null
) strict;

create table baselines (
  key text primary key,
  project text not null,
  gate text not null,
  tree text not null,
  data text not null,
  created_at text not null
) strict;

create table workspaces (
  path text primary key,
  project text not null,
  run text not null,
  purpose text not null,
  task text,
  state text not null,
  created_at text not null
) strict;
create index workspaces_by_run on workspaces (run, purpose);

create table intents (
  key text primary key,
  run text not null,
  data text not null,
  created_at text not null
) strict;

create table outbox (
  id integer primary key autoincrement,
  key text not null unique,
  run text not null,
  kind text not null,
  payload text not null,
  tries integer not null default 0,
  error text,
  created_at text not null,
  done_at text
) strict;
`
