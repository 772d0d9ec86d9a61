-- $1 classes, $2 severities, $3 Study UIDs, $4 other UIDs ('' for none), $5 sources joined by \n, $6 frozen values (JSON).
-- What was known keeps its values, its first sight and what people made of it; what was resolved and is back is open again.
INSERT INTO discrepancy (class, severity, study_uid, other_uid, sources, frozen, first_seen, last_seen)
SELECT d.class, d.severity, d.study_uid, nullif(d.other_uid, ''), string_to_array(d.sources, E'\n'), d.frozen::jsonb,
       transaction_timestamp(), transaction_timestamp()
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
     AS d (class, severity, study_uid, other_uid, sources, frozen)
ON CONFLICT (class, study_uid, coalesce(other_uid, '')) DO UPDATE
SET severity = excluded.severity, sources = excluded.sources, last_seen = excluded.last_seen,
    state = CASE WHEN discrepancy.state = 'resolved' THEN 'open' ELSE discrepancy.state END,
    frozen = CASE WHEN discrepancy.state = 'resolved' THEN excluded.frozen ELSE discrepancy.frozen END,
    first_seen = CASE WHEN discrepancy.state = 'resolved' THEN excluded.first_seen ELSE discrepancy.first_seen END
