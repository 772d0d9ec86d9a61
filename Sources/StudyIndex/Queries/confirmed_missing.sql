-- Studies of one source that another should hold and does not: their day is proven complete there, and a UID query has
-- confirmed the absence since they last changed; and when. $1 from, $2 to, $3 since (days since 2000-01-01)
SELECT o.study_uid, to_char(p.verified_at AT TIME ZONE 'UTC', 'YYYY-MM-DD'),
       to_char(a.confirmed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')
FROM absence a
JOIN observation o ON o.study_uid = a.study_uid AND o.source_id = $1 AND a.confirmed_at >= o.changed_at
JOIN coverage p ON p.source_id = $2 AND p.level = 'STUDY' AND p.state = 'proven' AND p.days @> o.study_day
WHERE a.source_id = $2 AND o.vanished_at IS NULL AND o.study_day >= date '2000-01-01' + $3::int4
  AND NOT EXISTS (SELECT 1 FROM observation t WHERE t.study_uid = o.study_uid AND t.source_id = $2 AND t.vanished_at IS NULL)
ORDER BY o.study_uid
