-- The copies of a merge's studies say of themselves what their study says. By an array of UIDs: a plan that reads the whole
-- table would cost more with every study of the archive.
UPDATE observation o SET uniform = NOT o.uniform
WHERE o.study_uid = ANY (ARRAY(
        SELECT c.study_uid FROM staged
        CROSS JOIN LATERAL (SELECT uniform FROM study WHERE study_uid = staged.study_uid OFFSET 0) AS s
        CROSS JOIN LATERAL (SELECT study_uid, uniform FROM observation WHERE study_uid = staged.study_uid OFFSET 0) AS c
        WHERE c.uniform <> s.uniform))
  AND o.uniform <> (SELECT s.uniform FROM study s WHERE s.study_uid = o.study_uid)
