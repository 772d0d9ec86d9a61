-- A study that a source has shown lately, and that is none of those: it has to be found as well. $1 source, $2 UIDs.
SELECT o.study_uid FROM observation o
WHERE o.source_id = $1 AND o.missing_since IS NULL AND o.study_day IS NOT NULL AND o.study_uid <> ALL ($2)
ORDER BY o.study_day DESC, o.study_uid DESC LIMIT 1
