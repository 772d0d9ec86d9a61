-- What sources said of a study before, the oldest first. $1 Study UID, $2 facilities (NULL: any)
SELECT s.name, h.event, to_char(h.until AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), h.texts
FROM observation_history h JOIN source s ON s.id = h.source_id
WHERE h.study_uid = $1
  AND ($2::int8[] IS NULL OR h.facility_id = ANY ((SELECT $2::int4[])::int4[]))
ORDER BY h.until, h.id
