-- $1 id
SELECT source, state, matches, reason, to_char(started AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
       to_char(ended AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), extract(epoch FROM ended - started)::float8
FROM query_run_source WHERE run_id = $1 ORDER BY source
