-- $1 id, $2 key, $3 configuration, $4 level, $5 query, $6 Cache-Control, $7 how many of a key may be unfinished,
-- $8 facilities (NULL: any). No row: too many are.
INSERT INTO query_run (id, key_id, config_id, level, query, cache_control, facilities)
SELECT $1, $2, $3::int8, $4, $5, $6, $8::text[]
WHERE (SELECT count(*) FROM query_run WHERE key_id = $2 AND state IN ('pending', 'running')) < $7
RETURNING id
