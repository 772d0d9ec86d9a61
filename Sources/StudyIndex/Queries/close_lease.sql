-- Gives a place back; where it has to rest (a window's utilisation), it stays taken until it has rested. $1 place
WITH resting AS (
    UPDATE source_lease SET expires = rest_until, purpose = 'resting' WHERE id = $1 AND rest_until > ledger_now()
    RETURNING id
)
DELETE FROM source_lease
WHERE (id = $1 AND NOT EXISTS (SELECT 1 FROM resting)) OR expires < ledger_now() - interval '1 hour'
