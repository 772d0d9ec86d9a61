COPY staged_identity (number, issuer, patient_id, patient_name, patient_birth_date, patient_sex, person)
FROM STDIN (FORMAT binary)
