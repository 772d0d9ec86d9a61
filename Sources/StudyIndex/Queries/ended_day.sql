-- Whether all parts of a day have been answered, and if so which day it is. $1 day slice
SELECT d.level, d.date_from - date '2000-01-01',
       extract(epoch FROM ledger_now() - min(p.ended) + make_interval(secs => coalesce(max(p.duration), 0)))::float8,
       string_agg(DISTINCT p.axis, ', ' ORDER BY p.axis)
FROM slice d JOIN slice p ON p.day_id = d.id
WHERE d.id = $1
GROUP BY d.id
HAVING bool_and(p.state IN ('complete', 'split'))
