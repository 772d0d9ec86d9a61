-- The studies that series belong to, as far as they are indexed. $1 Series UIDs
SELECT DISTINCT study_uid FROM series_observation WHERE series_uid = ANY ($1::text[]) ORDER BY study_uid
