-- The present, the newest change, up to when the index was reconciled (NULL: never), and how many studies have changed since.
SELECT to_char(ledger_now() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI "UTC"'), coalesce((SELECT max(id) FROM change), 0),
       to_char(r.ended AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI "UTC"'),
       (SELECT count(DISTINCT study_uid) FROM change WHERE xid >= r.horizon)
FROM (SELECT 1) AS always LEFT JOIN reconciliation r ON true
