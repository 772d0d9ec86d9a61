-- Studies that two nights have missed at a source, how many studies it holds, and whether their loss was looked at by a
-- person. $1 source
SELECT ARRAY(SELECT study_uid FROM observation
             WHERE source_id = $1 AND missing_since IS NOT NULL AND missed_nights >= 2 AND vanished_at IS NULL
             ORDER BY study_uid),
       (SELECT count(*) FROM observation WHERE source_id = $1 AND vanished_at IS NULL),
       (SELECT accepts_deletes FROM source WHERE id = $1)
