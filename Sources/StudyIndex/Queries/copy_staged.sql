COPY staged (
    study_uid, patient_id, issuer_of_patient_id, patient_name, patient_birth_date, patient_sex, study_date,
    study_time, accession_number, study_id, study_description, referring_physician_name, modalities_in_study,
    number_of_study_related_series, number_of_study_related_instances, instance_availability,
    retrieve_ae_title, timezone_offset_from_utc, issuer, name_key, name_id, physician_name_id, study_day, study_clock,
    birth_day, modalities, series_count, instance_count, lossy, content_hash, institution_name
) FROM STDIN (FORMAT binary)
