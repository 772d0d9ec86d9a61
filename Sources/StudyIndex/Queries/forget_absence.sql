DELETE FROM absence WHERE source_id = $1 AND study_uid = ANY ($2::text[])
