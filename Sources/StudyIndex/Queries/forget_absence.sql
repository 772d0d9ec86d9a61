-- What a source shows is not absent there. $1 source
DELETE FROM absence a WHERE a.source_id = $1 AND a.study_uid IN (SELECT study_uid FROM staged)
