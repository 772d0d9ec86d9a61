-- All sources, the best first.
SELECT name FROM source ORDER BY priority, id
