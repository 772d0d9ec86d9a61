-- One pass ends at a time. What it asks next sees what the one before has done.
SELECT pg_advisory_xact_lock(1667460946)
