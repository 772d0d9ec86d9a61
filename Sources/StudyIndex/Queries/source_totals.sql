-- Studies of each source.
SELECT s.name, count(o.study_uid)
FROM source s LEFT JOIN observation o ON o.source_id = s.id AND o.vanished_at IS NULL
GROUP BY s.id, s.name ORDER BY s.name
