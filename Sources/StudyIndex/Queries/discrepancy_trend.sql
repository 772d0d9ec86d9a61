-- How many discrepancies were not resolved at the end of each of the last days, by severity. $1 days
WITH days AS (
    SELECT generate_series((ledger_now() AT TIME ZONE 'UTC')::date - $1::int4 + 1, (ledger_now() AT TIME ZONE 'UTC')::date,
                           interval '1 day')::date AS day
), steps AS (
    SELECT greatest((e.at AT TIME ZONE 'UTC')::date, (SELECT min(day) FROM days)) AS day, d.severity,
           sum(CASE WHEN e.event IN ('found', 'reopened') THEN 1 WHEN e.event = 'resolved' THEN -1 ELSE 0 END) AS step
    FROM discrepancy_event e JOIN discrepancy d ON d.id = e.discrepancy_id
    GROUP BY 1, 2
)
SELECT days.day - date '2000-01-01', s.severity,
       sum(coalesce(steps.step, 0)) OVER (PARTITION BY s.severity ORDER BY days.day)::int8
FROM days CROSS JOIN unnest(ARRAY['critical', 'major', 'minor', 'cosmetic']) AS s (severity)
LEFT JOIN steps ON steps.day = days.day AND steps.severity = s.severity
ORDER BY 1, 2
