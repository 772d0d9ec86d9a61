SELECT id FROM job_run WHERE resume_key = $1 AND ended IS NULL
