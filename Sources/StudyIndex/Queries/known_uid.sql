-- A study that the source showed lately: found again by its UID, it shows that UID queries work there. $1 source
SELECT study_uid FROM observation WHERE source_id = $1 AND missing_since IS NULL ORDER BY changed_at DESC LIMIT 1
