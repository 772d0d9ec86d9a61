-- Studies that a source shows of these days. $1 source, $2 first and $3 last day (days since 2000-01-01)
SELECT study_uid FROM observation
WHERE source_id = $1 AND vanished_at IS NULL
  AND study_day BETWEEN date '2000-01-01' + $2::int4 AND date '2000-01-01' + $3::int4
