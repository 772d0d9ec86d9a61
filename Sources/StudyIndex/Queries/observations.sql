-- One page of observations in the order of their studies. $1 after this Study UID, $2 studies at most
WITH page AS (
    SELECT DISTINCT study_uid FROM observation
    WHERE study_uid > $1 AND vanished_at IS NULL ORDER BY study_uid LIMIT $2
)
SELECT s.name, o.issuer, o.lossy,
       o.study_uid, o.patient_id, o.issuer_of_patient_id, o.patient_name, o.patient_birth_date, o.patient_sex,
       o.study_date, o.study_time, o.accession_number, o.study_id, o.study_description,
       o.referring_physician_name, o.modalities_in_study, o.number_of_study_related_series,
       o.number_of_study_related_instances, o.instance_availability, o.retrieve_ae_title,
       o.timezone_offset_from_utc,
       s.priority, to_char(o.first_seen AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'),
       to_char(o.changed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), extract(epoch FROM o.counted_at)::int8
FROM page JOIN observation o USING (study_uid) JOIN source s ON s.id = o.source_id
WHERE o.vanished_at IS NULL
ORDER BY o.study_uid, s.name
