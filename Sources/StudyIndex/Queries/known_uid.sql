-- A study that the source shows: found again by its UID, it shows that UID queries work there. $1 source
SELECT study_uid FROM observation WHERE source_id = $1 AND missing_since IS NULL AND study_day IS NOT NULL
ORDER BY study_day DESC, study_uid DESC LIMIT 1
