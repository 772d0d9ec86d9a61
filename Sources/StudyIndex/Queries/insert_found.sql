-- $1 classes, $2 severities, $3 Study UIDs, $4 other UIDs ('' for none), $5 sources joined by \n, $6 frozen values (JSON)
INSERT INTO found (class, severity, study_uid, other_uid, sources, frozen)
SELECT d.class, d.severity, d.study_uid, nullif(d.other_uid, ''), string_to_array(d.sources, E'\n'), d.frozen::jsonb
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
     AS d (class, severity, study_uid, other_uid, sources, frozen)
