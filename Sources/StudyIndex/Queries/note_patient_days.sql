-- What a complete part of a pass over all patients shows of each day, before it is merged. $1 run, $2 source, $3 Study UIDs,
-- $4 their days (since 2000-01-01).
INSERT INTO patient_pass_day (run_id, source_id, day, studies, uid_digest, beyond_dates)
SELECT $1, $2, shown.day, count(*), bit_xor(hashtextextended(shown.study_uid, 0)), count(*) FILTER (WHERE shown.is_beyond)
FROM (
    SELECT p.study_uid, p.day,
           -- Also what another part of this pass has stored already.
           (o.study_day IS DISTINCT FROM p.day OR o.missing_since IS NOT NULL
            OR o.first_seen >= (SELECT started FROM job_run WHERE id = $1))
           AND EXISTS (SELECT FROM coverage c
                       WHERE c.source_id = $2 AND c.level = 'STUDY' AND c.state <> 'hole' AND c.days @> p.day) AS is_beyond
    FROM (SELECT study_uid, date '2000-01-01' + day::int4 AS day
          FROM unnest($3::text[], $4::int8[]) AS row (study_uid, day)) AS p
    LEFT JOIN LATERAL (
        SELECT study_day, missing_since, first_seen FROM observation WHERE study_uid = p.study_uid AND source_id = $2 OFFSET 0
    ) AS o ON true
) AS shown
GROUP BY shown.day ORDER BY shown.day
ON CONFLICT (run_id, source_id, day) DO UPDATE
SET studies = patient_pass_day.studies + excluded.studies, uid_digest = patient_pass_day.uid_digest # excluded.uid_digest,
    beyond_dates = patient_pass_day.beyond_dates + excluded.beyond_dates
