-- Sources of which something may belong to these facilities. $1 ids
SELECT DISTINCT s.name FROM facility_rule r JOIN source s ON s.id = r.source_id
WHERE r.facility_id = ANY ($1::int4[]) ORDER BY s.name
