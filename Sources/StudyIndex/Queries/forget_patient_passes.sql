-- Only the last pass over all patients is compared with. $1 source, $2 its run
DELETE FROM patient_pass_day WHERE source_id = $1 AND run_id < $2
