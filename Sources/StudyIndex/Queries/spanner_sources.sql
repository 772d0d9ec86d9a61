-- $1 configuration, $2 id; NULL: all of its sources
SELECT m.id, m.source_type, s.name, m.priority, m.timeout_override, m.additional_query_filters::text, m.enabled
FROM spanner_source m JOIN source s ON s.id = m.source_id
WHERE m.config_id = $1 AND ($2::int8 IS NULL OR m.id = $2) ORDER BY m.priority, s.name
