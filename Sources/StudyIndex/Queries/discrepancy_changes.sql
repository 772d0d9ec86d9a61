-- What became of discrepancies in the last time, the newest first. $1 hours, $2 at most
SELECT to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), e.event, d.class, e.severity, d.study_uid, d.other_uid,
       d.sources, d.id, e.actor, e.note
FROM discrepancy_event e JOIN discrepancy d ON d.id = e.discrepancy_id
WHERE e.at > ledger_now() - make_interval(hours => $1::int4)
ORDER BY e.id DESC LIMIT $2
