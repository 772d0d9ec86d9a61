-- How many studies two sources both show.
SELECT a.name, b.name, count(*)
FROM observation x JOIN observation y ON y.study_uid = x.study_uid AND y.source_id > x.source_id
JOIN source a ON a.id = x.source_id JOIN source b ON b.id = y.source_id
WHERE x.vanished_at IS NULL AND y.vanished_at IS NULL
GROUP BY a.name, b.name ORDER BY a.name, b.name
