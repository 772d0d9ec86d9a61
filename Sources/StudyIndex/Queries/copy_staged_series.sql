COPY staged_series (
    series_uid, study_uid, modality, series_number, series_description, body_part_examined, series_date, series_time,
    number_of_series_related_instances, instance_count, lossy, content_hash
) FROM STDIN (FORMAT binary)
