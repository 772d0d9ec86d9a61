-- A source's breaker, budget, and when a run that proved all that it asked of it ended. $1 name
SELECT b.failures, b.trips, greatest(extract(epoch FROM b.rest_until - ledger_now()), 0)::float8,
       1 / b.emission, b.brake, b.associations,
       (SELECT count(*) FROM source_lease l WHERE l.source_id = s.id AND l.expires > ledger_now()), b.paused,
       (SELECT to_char(r.ended AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') FROM job_run r
        WHERE r.ended IS NOT NULL
          AND EXISTS (SELECT 1 FROM slice x WHERE x.run_id = r.id AND x.source_id = s.id)
          AND NOT EXISTS (SELECT 1 FROM slice x WHERE x.run_id = r.id AND x.source_id = s.id
                          AND x.state NOT IN ('complete', 'split'))
        ORDER BY r.ended DESC LIMIT 1)
FROM source s JOIN budget b ON b.source_id = s.id WHERE s.name = $1
