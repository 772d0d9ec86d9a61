-- A study that two nights have missed, and a UID query did not find, is not there any more. $1 source, $2 Study UIDs
WITH gone AS (
    UPDATE observation o SET vanished_at = ledger_now()
    WHERE source_id = $1 AND study_uid = ANY ($2::text[]) AND vanished_at IS NULL AND missed_nights >= 2
    RETURNING o.*
), history AS (
    INSERT INTO observation_history (study_uid, source_id, event, since, until, facility_id, texts)
    SELECT o.study_uid, o.source_id, 'vanished', o.changed_at, o.vanished_at, o.facility_id,
           ARRAY[o.study_uid, o.patient_id, o.issuer_of_patient_id, o.patient_name, o.patient_birth_date, o.patient_sex,
       o.study_date, o.study_time, o.accession_number, o.study_id, o.study_description,
       o.referring_physician_name, o.modalities_in_study, o.number_of_study_related_series,
       o.number_of_study_related_instances, o.instance_availability, o.retrieve_ae_title,
       o.timezone_offset_from_utc]
    FROM gone o
)
INSERT INTO staged (study_uid) SELECT study_uid FROM gone
