-- Why there was nothing to claim. $1 run, $2 source. No row: nothing is left; else the seconds until something may be.
SELECT least(greatest(open.seconds, 0.02), 1)::float8
FROM (
    SELECT extract(epoch FROM greatest(min(CASE WHEN state = 'ready' THEN not_before ELSE lease_until END),
                                       clock_timestamp()) - clock_timestamp()) AS seconds
    FROM slice WHERE run_id = $1 AND source_id = $2 AND state IN ('ready', 'leased')
    HAVING count(*) > 0
) AS open
