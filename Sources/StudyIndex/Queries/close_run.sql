UPDATE job_run SET ended = clock_timestamp() WHERE id = $1 AND ended IS NULL
