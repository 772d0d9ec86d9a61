-- $1 from, $2 to, $3 since: candidates whose absence a UID query has confirmed since they last changed.
SELECT o.study_uid
FROM observation o JOIN absence a ON a.study_uid = o.study_uid AND a.source_id = $2 AND a.confirmed_at >= o.changed_at
WHERE o.source_id = $1 AND o.vanished_at IS NULL AND o.study_day >= date '2000-01-01' + $3::int4
  AND NOT EXISTS (SELECT 1 FROM observation t WHERE t.study_uid = o.study_uid AND t.source_id = $2 AND t.vanished_at IS NULL)
ORDER BY o.study_uid
