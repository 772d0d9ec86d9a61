-- Days of each source of which nothing is proven or enumerated. Open ends are NULL.
SELECT s.id, lower(hole) - date '2000-01-01', upper(hole) - 1 - date '2000-01-01'
FROM source s, LATERAL unnest(
    datemultirange(daterange(NULL, NULL)) - coalesce(
        (SELECT range_agg(c.days) FROM coverage c WHERE c.source_id = s.id AND c.level = 'STUDY' AND c.state <> 'hole'),
        datemultirange())) AS hole
ORDER BY s.id, hole
