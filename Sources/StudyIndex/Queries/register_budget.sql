-- $1 source, $2 emission, $3 tolerance, $4 associations, $5 bulk emission, $6 bulk associations, $7 opening gap (seconds),
-- $8 time zone
INSERT INTO budget (
    source_id, emission, tolerance, associations, bulk_emission, bulk_associations, opening_gap, time_zone)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (source_id) DO UPDATE
SET emission = excluded.emission, tolerance = excluded.tolerance, associations = excluded.associations,
    bulk_emission = excluded.bulk_emission, bulk_associations = excluded.bulk_associations,
    opening_gap = excluded.opening_gap, time_zone = excluded.time_zone
