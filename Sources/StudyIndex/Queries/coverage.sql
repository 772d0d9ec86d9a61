-- What is known of every source's days. Open ends are NULL.
SELECT s.name, c.level, lower(c.days) - date '2000-01-01', upper(c.days) - 1 - date '2000-01-01', c.state, c.reason,
       to_char(c.verified_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'),
       extract(epoch FROM ledger_now() - c.verified_at)::float8
FROM coverage c JOIN source s ON s.id = c.source_id
ORDER BY s.name, c.level, c.days
