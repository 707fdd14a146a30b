/** Events are never changed, not even by a bug of Belay's. */
export const appendOnly = `
create trigger events_are_not_changed before update on events begin
  select raise(abort, 'events are append-only');
end;
create trigger events_are_not_removed before delete on events begin
  select raise(abort, 'events are append-only');
end;
`
