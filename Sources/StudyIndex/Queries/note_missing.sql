-- Studies that a complete answer for these days does not show any more. $1 source, $2 first and $3 last day (days since
-- 2000-01-01), $4 the Study UIDs that it showed, $5 seconds since it was asked. Noted only: a second night and a UID query
-- have to confirm it.
UPDATE observation o
SET missing_since = coalesce(missing_since, ledger_now()), missed_nights = missed_nights + 1, last_missed = ledger_now()
WHERE o.source_id = $1 AND o.vanished_at IS NULL
  AND (o.missing_since IS NULL OR o.last_missed < ledger_now() - interval '12 hours')
  AND o.study_day BETWEEN date '2000-01-01' + $2::int4 AND date '2000-01-01' + $3::int4
  -- What was learned of it after the question was asked is newer than the answer.
  AND o.changed_at < ledger_now() - make_interval(secs => $5)
  AND o.study_uid NOT IN (SELECT unnest($4::text[]))
