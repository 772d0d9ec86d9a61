-- $1 to $7 as in insert_spanner_source, $8 id
UPDATE spanner_source m
SET source_type = $2, source_id = s.id, priority = $4::int8, timeout_override = $5::int8,
    additional_query_filters = $6::text::jsonb, enabled = $7
FROM source s
WHERE m.config_id = $1 AND s.name = $3 AND m.id = $8
