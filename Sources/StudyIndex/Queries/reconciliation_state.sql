-- How far reconciliation has come; where the change feed stands now, and the present, in seconds since 1970.
SELECT r.horizon::text, r.basis, r.passes, pg_snapshot_xmin(pg_current_snapshot())::text,
       extract(epoch FROM ledger_now())::int8, (ledger_now() AT TIME ZONE 'UTC')::date - date '2000-01-01'
FROM (SELECT 1) AS always LEFT JOIN reconciliation r ON true
