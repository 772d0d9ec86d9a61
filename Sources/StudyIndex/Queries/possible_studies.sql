-- Studies that are possibly of the human of a study: of patients that a link or a person joins with one of its patients. Who
-- may see some facilities only is told of direct links between patients whom they may see.
-- $1 Study UID, $2 facilities (NULL: any), $3 studies at most
WITH own AS (
    SELECT DISTINCT i.id, i.person_id
    FROM observed_patient o JOIN patient_identity i
      ON (i.issuer, i.patient_id, i.patient_name, i.patient_birth_date, i.patient_sex)
       = (o.issuer, o.patient_id, o.patient_name, o.patient_birth_date, o.patient_sex)
     AND left(i.patient_id, 64) = left(o.patient_id, 64)
    WHERE o.study_uid = $1 AND ($2::int8[] IS NULL OR o.facility_id = ANY ($2::int8[]))
), linked AS (
    SELECT l.right_id AS id, l.* FROM own JOIN person_link l ON l.left_id = own.id
    UNION ALL
    SELECT l.left_id AS id, l.* FROM own JOIN person_link l ON l.right_id = own.id
), possible AS (
    SELECT DISTINCT ON (id) id, grade, weight, caution, evidence
    FROM (SELECT id, grade, weight, caution, evidence::text FROM linked
          UNION ALL
          SELECT i.id, 'probable', NULL, '', '[]'
          FROM own JOIN patient_identity i USING (person_id) WHERE $2::int8[] IS NULL) AS each
    WHERE id NOT IN (SELECT id FROM own)
    ORDER BY id, grade, weight DESC NULLS LAST
), seen AS (
    SELECT DISTINCT ON (o.study_uid) o.study_uid, o.study_day, i.issuer, i.patient_id, i.patient_name,
           i.patient_birth_date, i.patient_sex, p.grade, p.weight, p.caution, p.evidence
    FROM possible p
    JOIN patient_identity i USING (id)
    JOIN observation n ON left(n.patient_id, 64) = left(i.patient_id, 64)
    JOIN observed_patient o ON (o.study_uid, o.source_id) = (n.study_uid, n.source_id)
     AND (i.issuer, i.patient_id, i.patient_name, i.patient_birth_date, i.patient_sex)
       = (o.issuer, o.patient_id, o.patient_name, o.patient_birth_date, o.patient_sex)
    WHERE o.study_uid <> $1 AND ($2::int8[] IS NULL OR o.facility_id = ANY ($2::int8[]))
    ORDER BY o.study_uid, p.grade, p.weight DESC NULLS LAST, i.id
)
SELECT study_uid, issuer, patient_id, patient_name, patient_birth_date, patient_sex, grade, weight, caution, evidence
FROM seen
ORDER BY grade, study_day DESC NULLS LAST, study_uid
LIMIT $3
