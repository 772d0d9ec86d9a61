-- Studies that a complete answer for these days does not show any more. $1 source, $2 first and $3 last day (days since
-- 2000-01-01), $4 the Study UIDs that it showed. Noted only: a UID query has to confirm it.
UPDATE observation o SET missing_since = transaction_timestamp()
WHERE o.source_id = $1 AND o.missing_since IS NULL
  AND o.study_day BETWEEN date '2000-01-01' + $2::int4 AND date '2000-01-01' + $3::int4
  AND o.study_uid NOT IN (SELECT unnest($4::text[]))
