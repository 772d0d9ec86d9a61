-- Studies that have changed, and those that are due. $1 the horizon of the pass before, $2 the present (seconds since 1970)
SELECT study_uid FROM change WHERE xid >= ($1::text)::xid8
UNION
SELECT study_uid FROM reconciliation_due WHERE due <= to_timestamp($2::int8)
ORDER BY 1
