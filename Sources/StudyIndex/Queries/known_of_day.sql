-- What is known of a day at a source: how many studies, their digest, and the moment of the last pass over all patients if
-- it has shown the same. $1 source, $2 day (since 2000-01-01)
WITH known AS (
    SELECT count(*)::int4 AS studies, coalesce(bit_xor(hashtextextended(study_uid, 0)), 0) AS uid_digest
    FROM observation
    WHERE source_id = $1 AND study_day = date '2000-01-01' + $2::int4 AND vanished_at IS NULL AND missing_since IS NULL
)
SELECT k.studies, k.uid_digest,
       (SELECT to_char(p.verified_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')
        FROM patient_pass p JOIN patient_pass_day d USING (run_id, source_id)
        WHERE p.source_id = $1 AND p.kind = 'prefixes' AND d.day = date '2000-01-01' + $2::int4
          AND (d.studies, d.uid_digest) = (k.studies, k.uid_digest))
FROM known k
