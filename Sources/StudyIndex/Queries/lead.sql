-- Whether this session leads the schedulers; it does until its connection ends.
SELECT pg_try_advisory_lock(1667460945)
