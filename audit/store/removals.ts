/** Sessions of the records that go. */
const touched = "(SELECT DISTINCT session_id FROM records WHERE store_seq <= ?1 AND session_id IS NOT NULL)";
/** Sessions that are closed and of whose records none is left. */
const over = `id IN ${touched} AND close_time IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM records r WHERE r.session_id = sessions.id AND r.store_seq > ?1)`;
/** What goes with records up to a position. The records go last: the rest is found by them. */
export const removals = [
  `DELETE FROM statements WHERE session_id IN ${touched} AND max(coalesce(start_seq, 0), coalesce(end_seq, 0)) <= ?1`,
  `DELETE FROM texts WHERE session_id IN ${touched} AND store_seq <= ?1`,
  `DELETE FROM hazards WHERE session_id IN (SELECT id FROM sessions WHERE ${over})`,
  `DELETE FROM sessions WHERE ${over}`,
  "DELETE FROM events WHERE store_seq <= ?1",
  "DELETE FROM records WHERE store_seq <= ?1",
] as const;
