-- $1 run. Per source: slices by how they ended, rows, C-FINDs, studies held now.
SELECT s.name,
       count(*) FILTER (WHERE l.state = 'complete' AND l.axis IN ('dates', 'uids')),
       count(*) FILTER (WHERE l.state = 'split'),
       count(*) FILTER (WHERE l.state = 'complete' AND l.axis NOT IN ('dates', 'uids')),
       count(*) FILTER (WHERE l.state IN ('ready', 'leased')),
       count(*) FILTER (WHERE l.state = 'skipped'),
       coalesce(sum(l.raw_rows), 0)::int8,
       (SELECT count(*) FROM observation o WHERE o.source_id = s.id AND o.vanished_at IS NULL)
FROM slice l JOIN source s ON s.id = l.source_id
WHERE l.run_id = $1
GROUP BY s.id, s.name ORDER BY s.name
