-- Of each source what it is, its last sweep, and the seconds since 1970 of its oldest proof.
SELECT s.id, s.name, s.ae_title, s.issuer, s.priority,
       (SELECT max(c.run_id) FROM coverage c WHERE c.source_id = s.id AND c.level = 'STUDY'),
       (SELECT extract(epoch FROM min(c.verified_at))::int8 FROM coverage c
        WHERE c.source_id = s.id AND c.level = 'STUDY' AND c.state <> 'hole')
FROM source s ORDER BY s.id
