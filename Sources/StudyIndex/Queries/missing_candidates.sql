-- Studies of one source, from a study date on, that another should hold and has not shown, though that day is
-- proven complete there. The proof may be older than the study's last change; what is asked after it is the UID query that each
-- candidate gets, once a week. $1 from, $2 to, $3 since (days since 2000-01-01)
SELECT o.study_uid
FROM observation o
WHERE o.source_id = $1 AND o.vanished_at IS NULL AND o.study_day >= date '2000-01-01' + $3::int4
  AND NOT EXISTS (SELECT 1 FROM observation t
                  WHERE t.study_uid = o.study_uid AND t.source_id = $2 AND t.vanished_at IS NULL)
  AND NOT EXISTS (SELECT 1 FROM absence a
                  WHERE a.study_uid = o.study_uid AND a.source_id = $2 AND a.confirmed_at >= o.changed_at
                    AND a.confirmed_at > ledger_now() - interval '7 days')
  AND EXISTS (SELECT 1 FROM coverage p
              WHERE p.source_id = $2 AND p.level = 'STUDY' AND p.state = 'proven' AND p.days @> o.study_day)
ORDER BY o.study_uid
