-- Gives the next copies of a source, in the order of their UIDs, the facility of its present rules; each from the row as it
-- is when it is locked, because merges go on. $1 source, $2 the last UID before, $3 how many
WITH batch AS (
    SELECT study_uid FROM observation WHERE source_id = $1 AND study_uid > $2 ORDER BY study_uid LIMIT $3
), assigned AS (
    UPDATE observation o
    SET facility_id = (SELECT facility_id FROM facility_of($1::int4, o.issuer, o.patient_id, o.accession_number, o.lossy, o.institution_name))
    FROM batch
    WHERE o.study_uid = batch.study_uid AND o.source_id = $1
      AND o.facility_id IS DISTINCT FROM
          (SELECT facility_id FROM facility_of($1::int4, o.issuer, o.patient_id, o.accession_number, o.lossy, o.institution_name))
    RETURNING o.study_uid
), changes AS (
    INSERT INTO change (study_uid) SELECT study_uid FROM assigned
)
SELECT max(study_uid) FROM batch
