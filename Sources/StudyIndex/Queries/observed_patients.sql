-- Each way in which an issuer's patient is named.
SELECT DISTINCT issuer, patient_id, patient_name, patient_birth_date, patient_sex FROM observed_patient
