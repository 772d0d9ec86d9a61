-- Prolongs the places that are still ours, and says whether a person has paused their source. $1 places, $2 seconds
UPDATE source_lease l SET expires = ledger_now() + make_interval(secs => $2)
FROM budget b
WHERE l.id = ANY ($1::uuid[]) AND l.expires > ledger_now() AND b.source_id = l.source_id
RETURNING l.id, b.paused
