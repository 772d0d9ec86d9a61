-- The studies that series belong to, as far as they are indexed. $1 Series UIDs, $2 facilities (NULL: any)
SELECT DISTINCT s.study_uid FROM series_observation s
WHERE s.series_uid = ANY ($1::text[])
  AND ($2::int8[] IS NULL OR EXISTS (
      SELECT 1 FROM observation o
      WHERE o.study_uid = s.study_uid AND o.source_id = s.source_id
        AND o.facility_id = ANY ((SELECT $2::int4[])::int4[])))
ORDER BY s.study_uid
