-- Which of a slice's observations are new, changed or back. $1 source, $2 Study UIDs, $3 content hashes, $4 institutions
-- (empty: none was returned).
-- What is unchanged costs this probe of the primary key (LATERAL, OFFSET 0: never a scan of the table), and nothing else.
SELECT p.position, o.study_uid IS NULL
FROM unnest($2::text[], $3::bytea[], $4::text[]) WITH ORDINALITY
    AS p (study_uid, content_hash, institution_name, position)
LEFT JOIN LATERAL (
    SELECT study_uid, content_hash, institution_name, missing_since FROM observation
    WHERE study_uid = p.study_uid AND source_id = $1 OFFSET 0
) AS o ON true
WHERE o.content_hash IS DISTINCT FROM p.content_hash OR o.missing_since IS NOT NULL
   OR o.institution_name IS DISTINCT FROM p.institution_name
