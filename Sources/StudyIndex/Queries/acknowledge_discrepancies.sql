-- People know of these and leave them as they are. $1 ids, $2 who, $3 what they say
WITH known AS (
    UPDATE discrepancy SET state = 'acknowledged' WHERE id = ANY ($1::int8[]) AND state = 'open' RETURNING id, severity
), noted AS (
    INSERT INTO discrepancy_event (discrepancy_id, at, event, severity, actor, note)
    SELECT id, ledger_now(), 'acknowledged', severity, $2, $3 FROM known
)
SELECT id FROM known ORDER BY id
