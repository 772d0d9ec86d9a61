-- Why there was nothing to claim. $1 run, $2 source. NULL: nothing is left; else the seconds until something may be.
SELECT least(max(0.02), 1)::float8 FROM (
    SELECT greatest(extract(epoch FROM
               min(CASE WHEN state = 'ready' THEN not_before ELSE lease_until END) - clock_timestamp()), 0.02)::float8
    FROM slice WHERE run_id = $1 AND source_id = $2 AND state IN ('ready', 'leased')
    HAVING count(*) > 0
) AS open (max)
