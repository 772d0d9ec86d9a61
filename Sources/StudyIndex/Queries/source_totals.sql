-- Per source: studies, and those that no other source shows.
SELECT s.name, count(o.study_uid),
       count(o.study_uid) FILTER (WHERE NOT EXISTS (
           SELECT 1 FROM observation other
           WHERE other.study_uid = o.study_uid AND other.source_id <> o.source_id AND other.vanished_at IS NULL))
FROM source s LEFT JOIN observation o ON o.source_id = s.id AND o.vanished_at IS NULL
GROUP BY s.id, s.name ORDER BY s.name
