/** Agents of a run that cannot take turns, so that the failover is used at once. `until` null: until the run is resumed. */
export const outages = `
create table outages (
  run text not null references runs (id),
  key text not null,
  role text not null,
  agent text not null,
  code text not null,
  message text not null,
  until text,
  named integer not null,
  times integer not null,
  session text,
  created_at text not null,
  primary key (run, key)
) strict;
`
