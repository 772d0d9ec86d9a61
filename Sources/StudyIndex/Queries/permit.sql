-- Takes one request from a source's budget (GCRA). $1 source, $2 cost. Returns the seconds to wait; 0: granted.
-- Everything is read from the locked row itself: another reference to the table would see it as it was before the wait
-- for the lock, and grant the same moment twice. The clock is read after the lock, too.
-- A clock that stepped back leaves a tat further ahead than any spending explains: it is pulled back to that bound.
WITH locked AS MATERIALIZED (
    SELECT source_id, emission, tolerance, tat FROM budget WHERE source_id = $1 FOR UPDATE
), clock AS MATERIALIZED (
    SELECT locked.*, clock_timestamp() AS t FROM locked
), state AS (
    SELECT source_id, emission, tolerance, t,
           least(greatest(tat, t), t + make_interval(secs => tolerance + emission * $2)) AS tat
    FROM clock
), decision AS (
    SELECT *, extract(epoch FROM tat - t)::float8 - tolerance AS wait FROM state
), spent AS (
    UPDATE budget b SET tat = CASE WHEN d.wait <= 0 THEN d.tat + make_interval(secs => d.emission * $2) ELSE d.tat END
    FROM decision d WHERE b.source_id = d.source_id AND (d.wait <= 0 OR b.tat > d.tat)
)
SELECT greatest(wait, 0)::float8 FROM decision
