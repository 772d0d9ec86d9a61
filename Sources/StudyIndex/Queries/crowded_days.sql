-- How many studies a source holds on days that have more than $2, all of them with a time. $1 source
SELECT study_day - date '2000-01-01', count(*) FROM observation
WHERE source_id = $1 AND vanished_at IS NULL AND study_day IS NOT NULL
GROUP BY study_day
HAVING count(*) > $2 AND bool_and(study_clock IS NOT NULL)
