-- $1 run. Per source: slices by how they ended, rows, studies held now.
SELECT s.name,
       count(*) FILTER (WHERE l.state = 'complete' AND l.axis <> 'times'),
       count(*) FILTER (WHERE l.state = 'split'),
       count(*) FILTER (WHERE l.state = 'complete' AND l.axis = 'times'),
       count(*) FILTER (WHERE l.state IN ('ready', 'leased')),
       coalesce(sum(l.raw_rows), 0)::int8,
       (SELECT count(*) FROM observation o WHERE o.source_id = s.id)
FROM slice l JOIN source s ON s.id = l.source_id
WHERE l.run_id = $1
GROUP BY s.id, s.name ORDER BY s.name
