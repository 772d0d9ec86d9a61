-- $1 id, $2 key that asks; NULL: anybody's
SELECT state, level, config_id, to_char(created AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
       to_char(ended AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), attempts, reason, matches, warnings, age
FROM query_run WHERE id = $1 AND ($2::text IS NULL OR key_id = $2)
