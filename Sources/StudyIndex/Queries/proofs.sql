-- What every sweep asked and what came of it, by study date. $1 NULL or one source's name
SELECT s.name, l.axis, l.date_from - date '2000-01-01', l.date_to - date '2000-01-01', l.state,
       coalesce(l.reason, 'not asked yet'), l.run_id, l.ended::timestamp(0)::text
FROM slice l JOIN source s ON s.id = l.source_id
WHERE l.axis <> 'uids' AND l.state <> 'split'
ORDER BY s.name, l.id
