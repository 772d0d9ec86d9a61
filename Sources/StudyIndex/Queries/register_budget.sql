-- $1 source, $2 emission in seconds, $3 tolerance in seconds, $4 associations
INSERT INTO budget (source_id, emission, tolerance, associations)
VALUES ($1, $2, $3, $4)
ON CONFLICT (source_id) DO UPDATE
SET emission = excluded.emission, tolerance = excluded.tolerance, associations = excluded.associations
