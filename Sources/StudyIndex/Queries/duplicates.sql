-- Studies that several sources show.
SELECT o.study_uid, array_agg(s.name ORDER BY s.name)
FROM observation o JOIN source s ON s.id = o.source_id
WHERE o.vanished_at IS NULL
GROUP BY o.study_uid HAVING count(*) > 1 ORDER BY o.study_uid
