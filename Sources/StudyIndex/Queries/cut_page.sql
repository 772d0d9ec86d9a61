-- Studies of these sources, in the order of their UIDs. $1 after this UID, $2 sources, $3 as old as this day at most, or
-- NULL, $4 studies at most
SELECT DISTINCT study_uid FROM observation
WHERE study_uid > $1 AND source_id = ANY ($2::int8[]) AND vanished_at IS NULL
  AND (study_day >= $3::date OR study_day IS NULL OR $3::date IS NULL)
ORDER BY study_uid LIMIT $4
