-- Discrepancies that are not resolved, the worst first. $1 class, $2 severity, $3 source, $4 Study UID ('': any); $5 limit,
-- $6 offset; $7 facilities (NULL: any): only those of which every copy that bears witness may be seen
SELECT class, severity, study_uid, other_uid, sources, frozen::text, state, first_seen::date::text, id,
       (SELECT e.actor || CASE e.note WHEN '' THEN '' ELSE ': ' || e.note END
        FROM discrepancy_event e
        WHERE e.discrepancy_id = discrepancy.id AND e.event = 'acknowledged' AND discrepancy.state = 'acknowledged'
        ORDER BY e.id DESC LIMIT 1),
       count(*) OVER ()
FROM discrepancy
WHERE state <> 'resolved' AND $1 IN ('', class) AND $2 IN ('', severity) AND ($3 = '' OR $3 = ANY (sources))
  AND ($4 = '' OR $4 IN (study_uid, other_uid))
  AND ($7::int8[] IS NULL OR jsonb_array_length(frozen -> 'values') > 0 AND NOT EXISTS (
      SELECT 1 FROM jsonb_array_elements(frozen -> 'values') AS witness
      WHERE NOT EXISTS (
          SELECT 1 FROM observation o JOIN source s ON s.id = o.source_id
          WHERE o.study_uid = witness ->> 'study_uid' AND s.name = witness ->> 'source'
            AND o.facility_id = ANY ((SELECT $7::int4[])::int4[]))))
ORDER BY array_position(ARRAY['critical', 'major', 'minor', 'cosmetic'], severity), class, study_uid, other_uid
LIMIT $5 OFFSET $6
