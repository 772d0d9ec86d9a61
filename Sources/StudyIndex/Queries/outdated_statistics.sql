-- Tables that have grown much since the planner was told what is in them: its plans for them are those of a smaller table.
SELECT c.oid::regclass::text FROM pg_class c
WHERE c.relname IN ('observation', 'study', 'series_observation', 'person_name') AND c.relkind = 'r'
  AND pg_table_is_visible(c.oid)
  AND pg_relation_size(c.oid) > (10 + 1.2 * greatest(c.relpages, 0)) * current_setting('block_size')::int8
ORDER BY 1
