-- States anew what is known of days; what was known of them before is cut away. $1 source, $2 level, $3 first and $4 last
-- day (days since 2000-01-01, NULL: open), $5 state, $6 seconds since the source was asked, $7 run, $8 reason, $9 studies and
-- $10 digest of a day that was asked in parts.
WITH asked AS (
    SELECT daterange(date '2000-01-01' + $3::int4, date '2000-01-01' + $4::int4, '[]') AS days
), gone AS (
    DELETE FROM coverage c USING asked WHERE c.source_id = $1 AND c.level = $2 AND c.days && asked.days RETURNING c.*
)
INSERT INTO coverage (source_id, level, days, state, verified_at, reason, run_id, studies, uid_digest)
SELECT g.source_id, g.level, part, g.state, g.verified_at, g.reason, g.run_id, g.studies, g.uid_digest
FROM gone g, asked, unnest(datemultirange(g.days) - datemultirange(asked.days)) AS part
UNION ALL
SELECT $1, $2, asked.days, $5, ledger_now() - make_interval(secs => $6), $8, $7, $9::int4, $10::int8 FROM asked
