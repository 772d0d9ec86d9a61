-- Of each source: its AE title, its oldest proof (seconds since 1970; NULL: there is none), how many ranges are holes, and how many slices of
-- runs under way are still to be asked.
SELECT s.name, s.ae_title, (SELECT extract(epoch FROM min(c.verified_at))::float8 FROM coverage c
                WHERE c.source_id = s.id AND c.level = 'STUDY' AND c.state <> 'hole'),
       (SELECT count(*) FROM coverage c WHERE c.source_id = s.id AND c.level = 'STUDY' AND c.state = 'hole'),
       (SELECT count(*) FROM slice x JOIN job_run r ON r.id = x.run_id
        WHERE r.ended IS NULL AND x.source_id = s.id AND x.state IN ('ready', 'leased'))
FROM source s ORDER BY s.name
