-- An association's place at a source, if one is free. $1 source, $2 purpose, $3 seconds until it expires.
-- Every user of the source waits for the budget's row first, so that the count is true when it is acted on.
INSERT INTO source_lease (source_id, purpose, expires)
SELECT b.source_id, $2, clock_timestamp() + make_interval(secs => $3)
FROM budget b
WHERE b.source_id = $1
  AND (SELECT count(*) FROM source_lease l WHERE l.source_id = $1 AND l.expires > clock_timestamp()) < b.associations
RETURNING id
