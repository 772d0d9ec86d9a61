-- How many series a source will show by study date, of studies whose series were never asked for, or not since the study
-- changed; three where it does not count them. $1 source
SELECT o.study_day - date '2000-01-01', sum(coalesce(o.series_count, 3))::int8 FROM observation o
LEFT JOIN series_sweep s ON s.study_uid = o.study_uid AND s.source_id = o.source_id
WHERE o.source_id = $1 AND o.vanished_at IS NULL AND o.study_day IS NOT NULL
  AND (s.verified_at IS NULL OR s.verified_at < o.changed_at)
GROUP BY 1
