-- Discrepancies that are not resolved, the worst first. $1 class, $2 severity, $3 source, $4 Study UID ('': any); $5 limit,
-- $6 offset
SELECT class, severity, study_uid, other_uid, sources, frozen::text, state, first_seen::date::text, count(*) OVER ()
FROM discrepancy
WHERE state <> 'resolved' AND $1 IN ('', class) AND $2 IN ('', severity) AND ($3 = '' OR $3 = ANY (sources))
  AND ($4 = '' OR $4 IN (study_uid, other_uid))
ORDER BY array_position(ARRAY['critical', 'major', 'minor', 'cosmetic'], severity), class, study_uid, other_uid
LIMIT $5 OFFSET $6
