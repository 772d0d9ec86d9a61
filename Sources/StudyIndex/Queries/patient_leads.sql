-- What a source's patient IDs begin with, and the modalities of its studies. $1 source
SELECT ARRAY(SELECT DISTINCT left(patient_id, 1) FROM observation WHERE source_id = $1 AND patient_id <> ''),
       ARRAY(SELECT DISTINCT m FROM observation, unnest(modalities) AS m WHERE source_id = $1)
