-- Consolidated rows of studies that nobody has shown before, whole; rows that exist are locked in UID order without a
-- write, so that a later statement recomputes them with what other sources have merged meanwhile. $1 source
INSERT INTO study (
    source_ids, provenance,
    study_uid, patient_id, issuer_of_patient_id, patient_name, patient_birth_date, patient_sex, study_date,
    study_time, accession_number, study_id, study_description, referring_physician_name, modalities_in_study,
    number_of_study_related_series, number_of_study_related_instances, instance_availability,
    retrieve_ae_title, timezone_offset_from_utc, issuer, name_key, study_day, study_clock,
    birth_day, modalities, series_count, instance_count, uniform
)
SELECT ARRAY[$1::int4], array_fill($1::int4, ARRAY[18]),
       study_uid, patient_id, issuer_of_patient_id, patient_name, patient_birth_date, patient_sex, study_date,
       study_time, accession_number, study_id, study_description, referring_physician_name,
       modalities_in_study, number_of_study_related_series, number_of_study_related_instances,
       instance_availability, retrieve_ae_title, timezone_offset_from_utc, issuer, name_key, study_day,
       study_clock, birth_day, modalities, series_count, instance_count, lossy IS NULL
FROM staged ORDER BY study_uid
ON CONFLICT (study_uid) DO UPDATE SET study_uid = excluded.study_uid WHERE false
