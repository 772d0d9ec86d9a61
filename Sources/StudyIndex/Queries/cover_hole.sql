-- Days that could not be answered become holes where nothing is known of them. $1 source, $2 level, $3 first and $4 last
-- day (days since 2000-01-01, NULL: open), $5 run, $6 reason.
WITH asked AS (
    SELECT daterange(date '2000-01-01' + $3::int4, date '2000-01-01' + $4::int4, '[]') AS days
), known AS (
    SELECT coalesce(range_agg(c.days), '{}') AS days FROM coverage c, asked
    WHERE c.source_id = $1 AND c.level = $2 AND c.days && asked.days AND c.state <> 'hole'
), gone AS (
    DELETE FROM coverage c USING asked
    WHERE c.source_id = $1 AND c.level = $2 AND c.days && asked.days AND c.state = 'hole' RETURNING c.*
)
INSERT INTO coverage (source_id, level, days, state, verified_at, reason, run_id)
SELECT g.source_id, g.level, part, g.state, g.verified_at, g.reason, g.run_id
FROM gone g, asked, unnest(datemultirange(g.days) - datemultirange(asked.days)) AS part
UNION ALL
SELECT $1, $2, part, 'hole', ledger_now(), $6, $5
FROM asked, known, unnest(datemultirange(asked.days) - known.days) AS part
