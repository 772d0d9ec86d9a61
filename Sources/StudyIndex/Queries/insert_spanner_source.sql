-- $1 configuration, $2 type, $3 source's name, $4 priority, $5 seconds, $6 filters, $7 whether it is enabled, $8 how many there
-- may be. No row: there is no such configuration or source, or there are too many.
INSERT INTO spanner_source (
    config_id, source_type, source_id, priority, timeout_override, additional_query_filters, enabled)
SELECT c.id, $2, s.id, $4::int8, $5::int8, $6::text::jsonb, $7
FROM spanner_config c, source s
WHERE c.id = $1 AND s.name = $3 AND (SELECT count(*) FROM spanner_source WHERE config_id = $1) < $8
RETURNING id
