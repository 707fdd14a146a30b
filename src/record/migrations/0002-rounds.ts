/** Attempts of earlier rounds (before `belay retry`) stay visible, and a run knows how long it was worked on. */
export const rounds = `
create table attempts_with_rounds (
  run text not null,
  task text not null,
  round integer not null default 0,
  n integer not null,
  started_at text not null,
  ended_at text,
  outcome text,
  session text,
  primary key (run, task, round, n),
  foreign key (run, task) references tasks (run, handle)
) strict;
insert into attempts_with_rounds (run, task, n, started_at, ended_at, outcome, session)
  select run, task, n, started_at, ended_at, outcome, session from attempts;
drop table attempts;
alter table attempts_with_rounds rename to attempts;

alter table runs add column worked_ms integer not null default 0;
`
